``s2s.ca`` names a file of authorities that are believed for all other servers instead of the system's, for private networks.
