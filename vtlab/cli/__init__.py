"""The command `vtlab`: its options, what they do, and what it says where something is wrong."""
