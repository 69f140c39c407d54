"""What Pericope is worth: accuracy, memory and speed, measured on this machine.

``python -m benchmarks`` runs every part; see README.md.
"""
