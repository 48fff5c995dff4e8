One TOML file says it all and is read strictly: what is wrong with it is one line, with its place and what would be right, and the server does not start.
