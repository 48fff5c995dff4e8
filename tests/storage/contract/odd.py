"""What is seldom stored and has to be stored all the same, and what cannot be."""

ODD_BYTES = [
    b"",
    b"\0",
    b"<presence/>",
    "ünïcödé \U0001f600".encode(),
    b"\xff\xfe\0\xc3(",
    bytes(range(256)) * 40,
    b"'; DROP TABLE map; --",
]

ODD_TEXTS = [
    "' OR 1=1 --",
    '"',
    "%",
    "\\u0000",
    "é\U0001f600",
    "line\nfeed",
    "[1]",
    "$[0]",
    "NULL",
]

UNSTORABLE = ["a\0b", "\ud800"]
