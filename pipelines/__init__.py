"""The wiring: Beam stages, the corpus on disk, synthetic speech, the command line."""
