Modules of a host are made before any of them is installed, and then installed at once: ask for what another one provides when it is needed, not when yours is made.
