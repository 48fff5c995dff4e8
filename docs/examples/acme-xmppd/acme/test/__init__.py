"""Tests of what Acme adds to xmppd."""
