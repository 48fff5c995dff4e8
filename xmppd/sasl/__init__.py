"""SASL mechanisms (RFC 4422) as exchanges of bytes, without accounts or sockets."""
