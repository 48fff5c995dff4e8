"""What an extension author imports, besides xmppd.stanza and xmppd.wire."""
