Tells clients by a digest what the server can do, and remembers by verified digests what clients can (``caps``).
