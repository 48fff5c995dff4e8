"""Live tests: real processes, disks and other software."""
