"""Sockets and TLS: transports, certificates, contexts."""
