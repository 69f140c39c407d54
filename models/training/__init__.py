"""The training loop and the jobs that run on it."""
