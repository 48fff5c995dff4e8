Users can block addresses and domains (XEP-0191).
