"""A new filter over as many segments as the largest corpus of read speech has.

The rows are generated once and kept: languages of one file each, as a run writes them,
with text, and without words, which a rule cannot speak of.
"""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console

from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.processes import Usage, measured
from benchmarks.speech import BENCH
from pipelines.tables import parquet_bytes
from schemas.tables import SEGMENTS

_ROWS, _QUICK_ROWS = 13_400_000, 1_000_000  # MMS-lab: 44,700 h in 1,107 languages
_ROWS_PER_LANGUAGE = 12_100
_CHAPTERS = 260
_SEED = 880_001
_SENTENCES = 5_000
_PATTERNS = 16  # languages with other values; after them they come again
_RULES = (
    ("first filter", "score > -0.25 and cer < 0.12"),
    ("next filter", "null_quantile > 0.9 and cer < 0.1 and snr_db > 15"),
)
_GIB = 2**30
_NOTE = (
    "`pericope select` in a process of its own, start included: clock, processor time "
    "of all threads, peak resident size (VmHWM). The next filter also tells what "
    "changed against the first."
)


def measure(*, quick: bool) -> list[Figure]:
    """Select twice from generated segments."""
    rows = _QUICK_ROWS if quick else _ROWS
    toml = corpus_of(rows)
    selections = toml.parent / "corpus" / "selections"
    shutil.rmtree(selections, ignore_errors=True)
    figures = []
    for name, rule in _RULES:
        usage = select(toml, rule)
        files = list(selections.iterdir())
        case = f"{name}, {rows / 1e6:g} million rows"
        figures += _figures(usage, case)
        size = sum(path.stat().st_size for path in files) / 2**20
        figures += [
            Figure(name="files", case=case, value=len(files), unit=Unit.COUNT,
                   at_most=2),
            Figure(name="their size", case=case, value=size, unit=Unit.MIB),
        ]  # fmt: skip
    return figures


def _figures(usage: Usage, case: str) -> list[Figure]:
    return [
        Figure(name="clock", case=case, value=usage.wall_sec, unit=Unit.SEC,
               at_most=30.0),
        Figure(name="processor time", case=case, value=usage.cpu_sec, unit=Unit.SEC),
        Figure(name="peak", case=case, value=usage.peak_bytes / _GIB, unit=Unit.GIB,
               at_most=4.0),
    ]  # fmt: skip


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "A new filter", figures, _NOTE)


def select(toml: Path, rule: str) -> Usage:
    """Run the command and measure it."""
    command = [sys.executable, "-m", "pipelines", "select", str(toml), "strict"]
    return measured([*command, "--where", rule, "--json"])


def corpus_of(rows: int) -> Path:
    """Return the configuration of a corpus of so many segments, made if need be."""
    folder = BENCH / f"select-{rows}"
    toml = folder / "corpus.toml"
    if toml.is_file():
        return toml
    shutil.rmtree(folder, ignore_errors=True)
    rng = np.random.default_rng(_SEED)
    sentences = _sentences(rng)
    patterns = [segments_of(sentences, rng) for _ in range(_PATTERNS)]
    for number, first in enumerate(range(0, rows, _ROWS_PER_LANGUAGE)):
        pattern = patterns[number % _PATTERNS].slice(0, rows - first)
        table = _in_language(pattern, _code(number))
        part = folder / f"corpus/segments/language={_code(number)}/part-00000.parquet"
        part.parent.mkdir(parents=True)
        part.write_bytes(parquet_bytes(table))
    # Written last: where it is, the rows are whole.
    toml.write_text(
        '[corpus]\nname = "select"\nmanifest = "none.csv"\noutput = "corpus"\n'
    )
    return toml


def _code(number: int) -> str:
    """Return the code of an invented language, in order: aaa, aab, ..."""
    letters = [number // 676, number // 26 % 26, number % 26]
    return "".join(chr(ord("a") + letter) for letter in letters)


def _sentences(rng: np.random.Generator) -> pa.Array:
    """Return texts of about 150 letters."""
    letters = np.array(list("aaaeeiiouuhklmnrstwy"))
    words = ["".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(2_000)]
    return pa.array(" ".join(rng.choice(words, 23)) for _ in range(_SENTENCES))


def segments_of(sentences: pa.Array, rng: np.random.Generator) -> pa.Table:
    """Return segments of a language without a name as a run writes them, in order."""
    count = _ROWS_PER_LANGUAGE
    chapters = np.sort(rng.integers(0, _CHAPTERS, count))
    first = np.searchsorted(chapters, chapters)
    starts_msec = (np.arange(count) - first) * 14_000
    lengths_msec = rng.integers(3_000, 14_000, count)
    places = zip(chapters, starts_msec, starts_msec + lengths_msec, strict=True)
    recordings = [f"-reader-{chapter:03d}" for chapter in chapters]
    texts = sentences.take(pa.array(rng.integers(0, len(sentences), count)))
    given = {
        "key": [f"-reader-{c:03d}_{start:07d}_{end:07d}" for c, start, end in places],
        "recording_id": recordings,
        "language": [""] * count,
        "split": rng.choice(["train", "dev", "test"], count, p=[0.8, 0.1, 0.1]),
        "verses": [str(k % 50 + 1) for k in range(count)],
        "text": texts,
        "romanised": texts,
        "words": [[]] * count,
        "start_sec": starts_msec / 1000,
        "end_sec": (starts_msec + lengths_msec) / 1000,
        "duration_sec": lengths_msec / 1000,
        "score": -rng.gamma(2, 0.05, count),
        "score_worst": -rng.gamma(2, 0.3, count),
        "confidence": rng.beta(5, 2, count),
        "margin": rng.gamma(3, 20, count),
        "null_quantile": np.round(rng.beta(20, 0.5, count), 5),
        "cer": np.round(rng.gamma(2, 0.03, count), 4),
        "snr_db": np.round(rng.normal(28, 8, count), 2),
        "source": [""] * count,
        "drama": [False] * count,
    }
    columns = [
        pa.array(given[field.name], field.type)
        if field.name in given
        else _other(field, count, rng)
        for field in SEGMENTS
    ]
    return pa.table(columns, schema=SEGMENTS)


def _in_language(table: pa.Table, language: str) -> pa.Table:
    """Return the segments under the name of a language."""
    for name in ("key", "recording_id", "language"):
        place = table.schema.get_field_index(name)
        named = pc.binary_join_element_wise(language, table[name], "")
        table = table.set_column(place, table.schema.field(name), named)
    return table


def _other(field: pa.Field, count: int, rng: np.random.Generator) -> pa.Array:
    if pa.types.is_floating(field.type):
        return pa.array(np.round(rng.normal(0, 1, count), 3))
    return pa.array(["open"] * count)
