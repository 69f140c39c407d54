"""Packages for pip and for Beam workers (``--setup_file``); imports nothing of ours."""

from setuptools import setup

# Listed one by one: `find_packages()` would also ship tests and benchmarks.
setup(
    packages=[
        "schemas",
        "aligner",
        "models",
        "models.data",
        "models.decoding",
        "models.networks",
        "models.training",
        "pipelines",
        "pipelines.plan",
        "pipelines.recipes",
        "pipelines.report",
        "pipelines.sources",
        "pipelines.synth",
    ],
    package_data={
        "models": ["*.safetensors"],
        "pipelines.report": ["assets/*"],
        "pipelines.synth": ["*.toml"],
    },
)
