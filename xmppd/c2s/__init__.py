"""Client-to-server streams: protocol, factory, session, link."""
