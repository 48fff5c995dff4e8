The log says why another server was refused, and when one that was away can be reached again.
