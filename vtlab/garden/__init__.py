"""The garden: a world of drawn plants whose truth is known, with no network needed."""
