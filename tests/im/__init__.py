"""The tables of RFC 6121, carried out by the shipped features together."""
