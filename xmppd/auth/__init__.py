"""From a finished SASL exchange to an account, by twisted.cred."""
