An authority that may certify certain hosts only (name constraints) cannot vouch for other servers by XMPP addresses or service names in their certificates.
