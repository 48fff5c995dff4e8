"""Blocking Command (XEP-0191): users say whom they want to hear nothing of, and are obeyed."""
