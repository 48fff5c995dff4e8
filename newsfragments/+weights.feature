Limits count what is kept in full: addresses in rosters, in block lists (``bytes``) and of those who have a client's presence (``directed_bytes``), and every feature of a client.
