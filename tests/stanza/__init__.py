"""Tests of stanza."""
