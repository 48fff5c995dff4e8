``xmppdctl`` administers accounts and sessions, reads certificates again and looks for trouble, whether the server runs or not.
