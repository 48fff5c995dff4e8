Rosters with versions, presence subscriptions with pre-approval, and presence among contacts, as RFC 6121 has them.
