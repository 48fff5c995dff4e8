"""Tests of xmppd; the tree mirrors the package."""
