"""What Acme adds to xmppd."""
