While writes are lost, as on a full disk, the log says so once and not for each of them, and says when they are kept again.
