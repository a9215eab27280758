"""Training: strategies as values, the loop and the solver that follow them, costs, checkpoints, saving."""
