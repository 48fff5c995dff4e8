"""Stream negotiation (RFC 6120 sections 4 to 7) without sockets, timers or entropy."""
