"""Where a stanza goes: the router, domains, dispatch to features, delivery to sessions."""
