Messages for users who are not online are kept, up to a quota of messages and bytes, and delivered when one of their clients comes (XEP-0160).
