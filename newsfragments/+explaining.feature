``xmppdctl s2s explain`` walks the way to another server and says which step fails and what to do; ``xmppdctl s2s list`` shows for a day why servers could not be reached.
