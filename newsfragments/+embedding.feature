A Twisted program can run the server inside, with ports or without.
