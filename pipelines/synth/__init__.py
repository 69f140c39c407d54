"""Synthetic speech whose timing is known to the sample (needs the extra ``synth``)."""
