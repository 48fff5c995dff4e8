"""External components: programs that serve a domain over a connection to us (XEP-0114)."""
