``xmppdctl check`` says when other servers may not believe a host's certificate, as where those in between are missing from its file, and when this system has no list of authorities.
