"""Tests of c2s."""
