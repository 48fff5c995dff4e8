"""Offline messages (XEP-0160): kept for an account nobody reads, delivered to who comes."""
