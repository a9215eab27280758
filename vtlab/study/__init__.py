"""Studies: strategies compared over seeds, reported, recommended, and used to predict."""
