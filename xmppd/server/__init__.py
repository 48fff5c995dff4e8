"""The whole server from a configuration value and its collaborators."""
