"""A real Flink cluster on this machine, to test on and to try things out."""
