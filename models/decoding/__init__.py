"""From emissions to text: greedy, or a beam with a language model."""
