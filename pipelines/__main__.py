"""``python -m pipelines`` is ``pericope``."""

from pipelines.cli import main

main()
