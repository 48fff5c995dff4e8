When another server can be reached again, presence that was missed meanwhile, in either direction, is told and asked anew (module ``reunion``, on by default).
