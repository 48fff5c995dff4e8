Who is not there when a message to another server comes back is told when there again, also after a restart; ``s2s.return_seconds`` says for how long.
