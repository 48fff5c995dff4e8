"""Other servers: finding them, proving who is who, and the streams to and from them."""
