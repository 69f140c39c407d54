"""Networks that learn from shards, and their parts."""
