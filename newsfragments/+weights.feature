Limits count what is kept in full: addresses in rosters and block lists (the latter have ``bytes``), and every feature of a client.
