"""Recipes: named steps from a corpus with audio without text to a trained student."""
