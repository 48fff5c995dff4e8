"""Public helpers for testing xmppd and its extensions without sockets."""
