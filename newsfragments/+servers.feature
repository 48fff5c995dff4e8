Users talk to those of other servers (RFC 6120, XEP-0220, XEP-0178): found by the DNS, encrypted, proven by certificates or dialback; messages wait on disk for servers that cannot be reached.
