"""The command `vtlab`: its options, what they do, and what it says where something is wrong."""

from vtlab.cli.entry_point import main as main
