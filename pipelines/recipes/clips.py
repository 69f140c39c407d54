"""The clips that a recipe learns from and is judged by."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from models.data import SpeechShards
from pipelines.recipes.config import RecipeConfig
from pipelines.tables import language_table, languages_of
from schemas.errors import ConfigError
from schemas.keys import digest_of
from schemas.tables import SEGMENT_TABLE

_COLUMNS = ["key", "language", "split", "source", "text", "romanised"]


def labeled_clips(config: RecipeConfig, split: str = "train") -> SpeechShards:
    """Return the clips with text that the selection keeps."""
    return SpeechShards(
        corpus=config.corpus,
        split=split,
        selection=config.selection,
        language=config.language,
    )


def unlabeled_clips(
    config: RecipeConfig, keys: Iterable[str] | None = None
) -> SpeechShards:
    """Return the clips without text; of these keys only, if there are any."""
    return SpeechShards(
        corpus=config.corpus,
        selection=None,
        language=config.language,
        lane="unlabeled",
        keys=None if keys is None else frozenset(keys),
    )


def pseudo_labeled_clips(
    config: RecipeConfig, labels: str, selection: str | None = None
) -> SpeechShards:
    """Return the clips without text that have a label of this name."""
    return SpeechShards(
        corpus=config.corpus,
        selection=selection,
        language=config.language,
        lane="unlabeled",
        labels=labels,
    )


def clips_digest(config: RecipeConfig) -> str:
    """Name all that the corpus has in the language, and what the selection keeps of it.

    Raises:
      ConfigError: there are no segments with text or none without in the language, or
        no such selection.
      ArtifactError: a table is damaged.
    """
    root, language = str(config.corpus), config.language
    rows: list[tuple[str, ...]] = []
    if language in languages_of(root, SEGMENT_TABLE):
        table = language_table(root, SEGMENT_TABLE, language, _COLUMNS)
        columns = (table[name].to_pylist() for name in _COLUMNS)
        rows = sorted(zip(*columns, strict=True))
    with_text = sum(not row[3] for row in rows)
    if not with_text or with_text == len(rows):
        raise ConfigError(
            f"{root}: expected segments with text and others without in {language}, "
            f"got {with_text} and {len(rows) - with_text}; a recipe teaches on both"
        )
    kept = ""
    if config.selection is not None:
        path = config.corpus / "selections" / f"{config.selection}.parquet"
        kept = _digest_of_file(path)
    return digest_of("clips", rows, kept)


def model_digest(reference: str) -> str:
    """Name a network that training starts from.

    Files of this machine by what is in them, others by their name.
    """
    _, _, place = reference.partition(":")
    path = Path(place.partition("#")[0])
    if not place or not path.exists():
        return reference
    files = [path] if path.is_file() else sorted(p for p in path.iterdir())
    return digest_of(reference, [_digest_of_file(f) for f in files if f.is_file()])


def _digest_of_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: there is no such selection; make it with `pericope select`"
        ) from error
