"""Tests of `xmppd.testing.net`."""
