``xmppdctl reload`` and the log say which settings have changed in the file and wait for a restart, or why the file could not be used.
