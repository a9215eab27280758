"""What the other wings stand on: files, locks, caches, devices, threads, memory, random numbers."""
