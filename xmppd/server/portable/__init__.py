"""Moving in and out: whole accounts in the portable format (XEP-0227) and from other servers."""
