"""What stanzas mean: addresses, envelopes, errors, dates."""
