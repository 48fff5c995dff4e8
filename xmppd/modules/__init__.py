"""The shipped features, one file each."""
