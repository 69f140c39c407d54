"""The corpus that a recipe is told: corpus.toml, or the output folder alone."""

from pathlib import Path

from pipelines.config import CorpusConfig, CorpusSection, load_config
from schemas.errors import ConfigError

_ABOUT = "corpus.json"


def corpus_of(path: Path) -> CorpusConfig:
    """Return the configuration of a finished corpus; all defaults for a folder.

    Raises:
      ConfigError: it is neither, or the file is wrong.
    """
    if not path.is_dir():
        return load_config(path)
    if not (path / _ABOUT).is_file():
        raise ConfigError(
            f"{path}: expected corpus.toml or the output folder of a finished run, "
            f"found no {_ABOUT} in it"
        )
    folder = path.absolute()
    section = CorpusSection(
        name="corpus", manifest=str(folder / _ABOUT), output=str(folder)
    )
    return CorpusConfig(corpus=section)
