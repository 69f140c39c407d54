"""From what a user writes to the source that is meant: ``kind:place``."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from pipelines.sources.bible_brain import BibleBrain
from pipelines.sources.bible_folder import BibleFolder
from pipelines.sources.librivox_folder import LibrivoxFolder
from pipelines.sources.manifest_file import ManifestFile
from pipelines.sources.options import SourceOptions
from pipelines.sources.source import Source
from schemas.errors import ConfigError

KINDS: Mapping[str, Callable[[str, SourceOptions], Source]] = MappingProxyType(
    {
        "bible": BibleFolder,
        "dbp": BibleBrain,
        "librivox": LibrivoxFolder,
        "manifest": ManifestFile,
    }
)
_MANIFEST_ENDINGS = (".csv", ".jsonl", ".parquet")


def open_sources(places: Sequence[str], options: SourceOptions) -> list[Source]:
    """Return the sources in the order in which they were named.

    Raises:
      ConfigError: one of them is of no known kind, or is not there.
      InputError: an archive cannot be fetched or unpacked.
    """
    return [_open(place, options) for place in places]


def _open(place: str, options: SourceOptions) -> Source:
    kind, colon, rest = place.partition(":")
    if colon and kind in KINDS and (rest or KINDS[kind] is BibleBrain):
        return KINDS[kind](rest, options)
    if place.lower().endswith(_MANIFEST_ENDINGS):
        return ManifestFile(place, options)
    expected = ", ".join(f"{kind}:…" for kind in KINDS)
    raise ConfigError(f"{place}: expected one of {expected}, or a manifest's file")
