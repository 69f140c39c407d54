"""``pericope inspect``."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from schemas.errors import ConfigError
from schemas.segment import Segment

if TYPE_CHECKING:
    from schemas.alignment_row import AlignmentRow


def inspect(
    corpus: Annotated[str, typer.Argument(help="Output folder of `pericope run`.")],
    key: Annotated[
        str, typer.Argument(help="A segment's key: show its words and times.")
    ] = "",
    worst: Annotated[int, typer.Option(help="List so many lowest scores.")] = 0,
    rejects: Annotated[bool, typer.Option(help="List the rejects.")] = False,
    events: Annotated[
        bool, typer.Option(help="List where readers differed from the text.")
    ] = False,
    timestamps: Annotated[
        Path | None,
        typer.Option(
            help="Compare the starts of verses with those that fetch has written here."
        ),
    ] = None,
    language: Annotated[str, typer.Option(help="Only this language.")] = "",
    save: Annotated[
        Path | None, typer.Option(help="Write the segment's audio (FLAC) here.")
    ] = None,
) -> None:
    """Look into a corpus: the summary, the worst segments, one segment, the rejects."""
    from pipelines.summary import reading_lines, summarise, summary_table
    from pipelines.tables import read_alignments, read_rejects, read_segments

    console = Console(markup=False, highlight=False, emoji=False)
    if rejects:
        rows = [row for row in read_rejects(corpus) if language in ("", row.language)]
        console.print(_rejects_table(rows))
    elif events:
        console.print(_events_table(read_alignments(corpus, language)))
    elif timestamps is not None:
        _print_agreement(corpus, timestamps, language, worst or 5, console)
    elif key:
        segment = _find(read_segments(corpus, language), key, corpus)
        _print_segment(segment, console)
        if save is not None:
            _save(corpus, segment, save)
    elif worst > 0:
        labeled = (s for s in read_segments(corpus, language) if s.text)
        ordered = sorted(labeled, key=lambda s: (not math.isnan(s.score), s.score))
        console.print(_segments_table(ordered[:worst]))
    else:
        summaries = summarise(corpus)
        console.print(summary_table(summaries))
        differing = reading_lines(summaries)
        if differing:
            print("\n".join(["\nread otherwise than written:", *differing]))


def _find(segments, key: str, corpus: str) -> Segment:
    for segment in segments:
        if segment.key == key:
            return segment
    raise ConfigError(
        f"{corpus}: no segment {key!r}; list some: pericope inspect {corpus} --worst 10"
    )


def _rejects_table(rows) -> Table:
    table = Table("stage", box=None, header_style="bold")
    table.add_column("key", no_wrap=True)
    table.add_column("reason")
    table.add_column("message", overflow="fold")
    for row in rows:
        table.add_row(row.stage, row.key, row.reason, row.message)
    return table


def _events_table(rows: "Iterable[AlignmentRow]") -> Table:
    table = Table("recording", box=None, header_style="bold")
    for title in ("kind", "verse"):
        table.add_column(title, no_wrap=True)
    for title in ("start", "end"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("text", overflow="fold")
    for row in rows:
        for event in row.events:
            times = f"{event.start_sec:.2f}", f"{event.end_sec:.2f}"
            verse = event.verse or "end"
            table.add_row(row.recording_id, event.kind, verse, *times, event.text)
    return table


def _print_agreement(
    corpus: str, folder: Path, language: str, worst: int, console: Console
) -> None:
    from pipelines.sources.timestamps import agreement, start_differences
    from pipelines.tables import read_alignments

    found = list(start_differences(read_alignments(corpus, language), folder))
    titles = ("recordings", "verses", "median s", "90 % s", "shift s", "over 1 s")
    table = Table("language", *titles, box=None, header_style="bold")
    for row in agreement(found):
        times = (f"{sec:.2f}" for sec in (row.median_sec, row.p90_sec, row.shift_sec))
        counts = str(row.recordings), str(row.verses)
        table.add_row(row.language, *counts, *times, f"{row.gross_share:.1%}")
    console.print(table)
    far = sorted(found, key=lambda verse: -abs(verse.difference_sec))
    for verse in far[:worst]:
        console.print(
            f"{verse.recording_id} {verse.verse}: {verse.start_sec:.2f} s here, "
            f"{verse.said_sec:.2f} s there"
        )


def _segments_table(segments: list[Segment]) -> Table:
    table = Table("score", "worst", "sec", box=None)
    table.add_column("key", no_wrap=True)  # to be copied
    table.add_column("text")
    for segment in segments:
        table.add_row(
            f"{segment.score:.2f}",
            f"{segment.score_worst:.2f}",
            f"{segment.duration_sec:.1f}",
            segment.key,
            segment.text,
        )
    return table


def _print_segment(segment: Segment, console: Console) -> None:
    facts = (
        f"{segment.key}  {segment.language} {segment.book} {segment.verses}  "
        f"{segment.split}\n{segment.start_sec:.3f} to {segment.end_sec:.3f} s "
        f"({segment.duration_sec:.2f} s), score {segment.score:.3f}, worst 0.7 s "
        f"{segment.score_worst:.3f}, least confidence {segment.confidence:.3f}, margin "
        f"{segment.margin:.1f}\n\n{segment.text}\n"
    )
    console.print(facts)
    if not segment.words:
        return
    table = Table("start", "end", "score", "sure", "word", "romanised", box=None)
    letters = segment.romanised.split(" ")
    for word, roman in zip(segment.words, letters, strict=True):
        measured = (
            "" if math.isnan(value) else f"{value:.2f}"
            for value in (word.score, word.confidence)
        )
        times = f"{word.start_sec:.3f}", f"{word.end_sec:.3f}"
        table.add_row(*times, *measured, word.word, roman)
    console.print(table)


def _save(corpus: str, segment: Segment, path: Path) -> None:
    """Copy a clip out of its shard, found by the shards' indexes."""
    import io
    import tarfile

    from pipelines.shards import find_sample

    data = find_sample(corpus, segment)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        member = tar.extractfile(f"{segment.key}.flac")
        assert member is not None
        try:
            path.write_bytes(member.read())
        except OSError as error:
            raise ConfigError(
                f"--save {path}: expected a file that can be written: {error.strerror}"
            ) from error
    print(path)
