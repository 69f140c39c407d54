"""``make_report``: from the tables of a finished run to a folder of pages."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipelines.report.contents import (
    ClipFolder,
    LanguagePage,
    LanguageSums,
    language_page,
    language_sums,
)
from pipelines.report.measures import LanguageMeasures, measure_segments
from pipelines.report.pages import Pages
from pipelines.report.publish import publishing
from pipelines.report.sums import sum_tables
from pipelines.report.thresholds import columns_with_values, threshold_data
from pipelines.report.verdicts import DEFAULT, VerdictTable, read_selections
from pipelines.store import local_copy
from schemas.errors import ArtifactError, ConfigError

FOLDER = "report"
_BYTES_PER_MB = 1_000_000


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """How much is shown."""

    examples: int = 10
    """Segments of each kind (worst, borderline, random, unlabeled) of a language."""
    listed: int = 20
    """Rejects of each reason and events of each kind that are listed."""
    max_audio_mb: float = 500.0
    """Sound of shown segments, all languages together."""

    def __post_init__(self) -> None:
        for name in ("examples", "listed", "max_audio_mb"):
            if not getattr(self, name) >= 0:
                raise ConfigError(
                    f"{name}: expected 0 or more, got {getattr(self, name)!r}"
                )


@dataclass(frozen=True)
class Report:
    """What was written."""

    uri: str
    languages: int
    clips_bytes: int
    total_bytes: int
    silent: int
    """Shown segments without sound because no shard has them."""
    left_out: int
    """Those without because the folder would have become too large."""


def make_report(root: str, options: ReportOptions) -> Report:
    """Write ``<root>/report``, in place of an earlier one.

    The same corpus gives the same bytes.

    Raises:
      ArtifactError: no run was finished there, or a file is damaged.
    """
    corpus = _description(root)
    sums = sum_tables(root, options.listed)
    measures = measure_segments(root)
    codes = sorted({*sums.languages, *measures})
    languages = [language_sums(code, sums, measures.get(code)) for code in codes]
    summaries = read_selections(root)
    has_verdicts = DEFAULT in summaries and measures
    verdicts = VerdictTable(root, DEFAULT) if has_verdicts else None
    columns = columns_with_values(measures)
    with publishing(root, FOLDER) as folder:
        pages = Pages(corpus, languages)
        pages.write_assets(folder)
        for column in columns:
            data = threshold_data(column, measures, summaries)
            pages.write_thresholds(folder, data)
        silent = left_out = 0
        clips = ClipFolder(folder)
        for page in _language_pages(
            root, languages, measures, (summaries, verdicts), clips, options
        ):
            pages.write_language(folder, page)
            silent, left_out = silent + page.silent, left_out + page.left_out
        pages.write_index(folder, columns, silent, left_out)
        total_bytes = sum(
            path.stat().st_size for path in folder.rglob("*") if path.is_file()
        )
    return Report(
        f"{root}/{FOLDER}/index.html",
        len(languages),
        clips.bytes_written,
        total_bytes,
        silent,
        left_out,
    )


def _language_pages(
    root: str,
    languages: list[LanguageSums],
    measures: dict[str, LanguageMeasures],
    selections: tuple[dict[str, Any], VerdictTable | None],
    clips: ClipFolder,
    options: ReportOptions,
) -> Iterator[LanguagePage]:
    """Yield pages in order; each language has its part of what room is left."""
    room = int(options.max_audio_mb * _BYTES_PER_MB)
    for number, language in enumerate(languages):
        clips.give((room - clips.bytes_written) // (len(languages) - number))
        own = measures.get(language.code)
        yield language_page(root, language, own, selections, clips, options.examples)


def _description(root: str) -> dict[str, Any]:
    uri = f"{root}/corpus.json"
    try:
        with local_copy(uri) as path:
            return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{uri}: expected a finished run, found none; say `pericope run` first"
        ) from error
    except ValueError as error:
        raise ArtifactError(
            f"{uri}: expected JSON, got {error}; say `pericope run` again"
        ) from error
