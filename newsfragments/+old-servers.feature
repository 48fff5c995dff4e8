Servers of before XMPP 1.0 can be let in where a domain's table says that neither TLS nor a certificate is needed, and ``s2s.streams_per_address`` bounds the streams that come from one network.
