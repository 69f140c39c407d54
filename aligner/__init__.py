"""aligner package."""
