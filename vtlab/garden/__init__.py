"""The garden: a world of drawn plants whose truth is known."""
