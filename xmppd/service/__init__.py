"""The twistd plugin, the configuration file, plugins, the control socket, signals."""
