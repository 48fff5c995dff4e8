Administrators named in ``host.admins`` can do from their clients what ``xmppdctl`` does (XEP-0133); new commands disable and enable accounts, show rosters, count users and send announcements.
