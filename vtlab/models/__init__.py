"""Networks of named stages and a head: building them, their weights, their features and answers."""
