"""What is wrong with a dataset, before training."""
