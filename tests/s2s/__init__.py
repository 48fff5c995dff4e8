"""Tests of the room s2s."""
