A module that cannot work on a host stops the start with one line that names the place in the configuration, and a command whose data could not be written says why.
