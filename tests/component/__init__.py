"""Tests of xmppd.component."""
