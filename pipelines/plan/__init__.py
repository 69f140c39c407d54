"""What a corpus will take, before it is made; see ``pipelines/cli_plan.py``."""
