Modules, and programs that embed the server, can answer for domains of their own inside the process, which service discovery lists.
