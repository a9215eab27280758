"""What all other wings use: files, locks, caches, devices, threads, memory, random numbers."""
