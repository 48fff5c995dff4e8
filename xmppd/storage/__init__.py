"""Back ends that keep the data: in memory and in SQLite."""
