"""Tables on disk: bytes, order, parts, and how others read them."""

import os
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from pipelines.summary import summarise
from pipelines.tables import (
    prune_languages,
    read_alignments,
    read_ledger,
    read_rejects,
    read_segments,
    write_rows,
)
from schemas.alignment_row import AlignmentRow
from schemas.errors import ArtifactError
from schemas.segment import Fate, LedgerEntry, Reject
from schemas.tables import (
    ALIGNMENT_TABLE,
    LEDGER_TABLE,
    REJECT_TABLE,
    SEGMENT_TABLE,
)
from tests.builders import make_chapter, make_segment, spoken

SEGMENTS = [make_segment(k, k + 0.5, score=-0.01 * k) for k in range(25)]


def files_below(root) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def alignment_rows() -> list[AlignmentRow]:
    chapter = make_chapter([spoken("kuku na mti"), [], spoken("nyoka")])
    return [
        AlignmentRow(
            recording_id=recording_id, language="swh", book="MRK", chapter=1,
            verse=verse, model="planted", digest="0" * 64,
        )
        for recording_id in ("rec-002", "rec-001")
        for verse in chapter.verses
    ]  # fmt: skip


def test_segments_come_back_ordered_by_language_and_key(tmp_path):
    other = [make_segment(3, 4, language="quz", recording_id="a")]
    assert write_rows(str(tmp_path), SEGMENT_TABLE, SEGMENTS[::-1], "swh") == 25
    write_rows(str(tmp_path), SEGMENT_TABLE, other, "quz")
    assert list(read_segments(str(tmp_path))) == other + SEGMENTS
    assert list(read_segments(str(tmp_path), "swh")) == SEGMENTS
    assert (tmp_path / "segments/language=quz/part-00000.parquet").exists()


def test_verses_stay_in_their_order(tmp_path):
    rows = alignment_rows()
    write_rows(str(tmp_path), ALIGNMENT_TABLE, rows, "swh")
    back = list(read_alignments(str(tmp_path)))
    assert repr(back) == repr(rows[3:] + rows[:3])


def test_rejects_and_ledger_come_back_sorted(tmp_path):
    rejects = [
        Reject("fetch", "b", "source_missing", "m"),
        Reject("align", "a", "x", ""),
    ]
    ledger = [
        LedgerEntry("b", "swh", 0.0, 1.0, Fate.LABELED),
        LedgerEntry("a", "swh", 1.0, 2.5, Fate.DROPPED, "pause"),
        LedgerEntry("a", "swh", 0.0, 1.0, Fate.UNLABELED),
    ]
    write_rows(str(tmp_path), REJECT_TABLE, rejects)
    write_rows(str(tmp_path), LEDGER_TABLE, ledger, "swh")
    write_rows(str(tmp_path), LEDGER_TABLE, [replace(ledger[0], language="qu")], "qu")
    assert list(read_rejects(str(tmp_path))) == rejects[::-1]
    assert list(read_ledger(str(tmp_path), "swh")) == ledger[::-1]
    assert len(list(read_ledger(str(tmp_path)))) == 4


def test_the_same_rows_give_the_same_bytes_in_any_order(tmp_path):
    for name, rows in (("a", SEGMENTS), ("b", SEGMENTS[::-1])):
        write_rows(str(tmp_path / name), SEGMENT_TABLE, rows, "swh", rows_per_part=10)
    first = files_below(tmp_path / "a")
    assert first == files_below(tmp_path / "b")
    assert len(first) == 3


def test_parts_are_bounded_and_old_ones_deleted(tmp_path):
    root = str(tmp_path)
    for language in ("swh", "swh-Latn"):
        write_rows(root, SEGMENT_TABLE, SEGMENTS, language, rows_per_part=5)
        write_rows(root, LEDGER_TABLE, [], language)
    parts = sorted((tmp_path / "segments/language=swh").iterdir())
    assert [pq.read_metadata(part).num_rows for part in parts] == [5] * 5
    write_rows(root, SEGMENT_TABLE, SEGMENTS, "swh", rows_per_part=20)
    assert list(read_segments(root, "swh")) == SEGMENTS
    assert len(os.listdir(tmp_path / "segments/language=swh")) == 2
    assert len(os.listdir(tmp_path / "segments/language=swh-Latn")) == 5
    prune_languages(root, SEGMENT_TABLE, ["swh"])
    prune_languages(root, LEDGER_TABLE, ["swh"])
    assert os.listdir(tmp_path / "ledger") == ["part-swh-00000.parquet"]
    with pytest.raises(ArtifactError, match="table of swh-Latn, found none"):
        read_segments(root, "swh-Latn")


def test_a_table_without_rows_can_be_read(tmp_path):
    assert write_rows(str(tmp_path), REJECT_TABLE, []) == 0
    assert list(read_rejects(str(tmp_path))) == []


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="segments: expected the table, found none"):
        read_segments(str(tmp_path))


def test_a_part_of_another_version_is_refused_by_name(tmp_path):
    write_rows(str(tmp_path), SEGMENT_TABLE, SEGMENTS, "swh", rows_per_part=20)
    path = tmp_path / "segments/language=swh/part-00001.parquet"
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.replace_schema_metadata({}), path)
    with pytest.raises(ArtifactError, match=r"part-00001\.parquet: expected"):
        list(read_segments(str(tmp_path)))


def write_older(root) -> None:
    """Write alignments as version 2 had them: no events, words without confidence."""
    text, real, count = pa.string(), pa.float64(), pa.int64()
    word = pa.struct([
        ("word", text), ("start_sec", real), ("end_sec", real), ("score", real),
        ("char_start", count), ("char_end", count),
    ])  # fmt: skip
    fields = {
        **dict.fromkeys(("recording_id", "language", "book"), text), "chapter": count,
        **dict.fromkeys(("verse", "text", "spoken_text", "romanised"), text),
        **dict.fromkeys(("start_sec", "end_sec", "score", "score_worst"), real),
        "words": pa.list_(word),
        "stars": pa.list_(pa.struct([("start_sec", real), ("for_text", text)])),
        "model": text, "digest": text,
    }  # fmt: skip
    metadata = {"pericope.table": "alignments", "pericope.version": "2"}
    schema = pa.schema(list(fields.items()), metadata=metadata)
    row = {
        name: "swh" if of == text else 1 if of == count else 0.5 if of == real else []
        for name, of in fields.items()
    }
    path = root / "alignments/language=swh/part-00000.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row], schema=schema), path)


def test_a_table_of_an_older_version_is_refused_by_all_who_read_it(tmp_path):
    write_older(tmp_path)
    write_rows(str(tmp_path), REJECT_TABLE, [])
    for read in (read_alignments, summarise):
        with pytest.raises(
            ArtifactError,
            match=r"part-00000\.parquet: expected table 'alignments' of version 5, got "
            r"table 'alignments' of version 2; .* `pericope run` again",
        ):
            list(read(str(tmp_path)))


@pytest.mark.parametrize("drop", ["events", "words", "verse"])
def test_a_table_that_lacks_a_column_is_refused_by_all_who_read_it(tmp_path, drop):
    """The version alone does not tell: a copy made by hand may have it."""
    write_rows(str(tmp_path), ALIGNMENT_TABLE, alignment_rows(), "swh")
    write_rows(str(tmp_path), REJECT_TABLE, [])
    path = tmp_path / "alignments/language=swh/part-00000.parquet"
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.drop_columns([drop]), path)
    for read in (read_alignments, summarise):
        with pytest.raises(
            ArtifactError, match=rf"expected column '{drop}' .* got none"
        ):
            list(read(str(tmp_path)))


def test_a_damaged_part_is_named(tmp_path):
    write_rows(str(tmp_path), SEGMENT_TABLE, SEGMENTS, "swh", rows_per_part=20)
    path = tmp_path / "segments/language=swh/part-00001.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ArtifactError, match=r"part-00001\.parquet: expected a Parquet"):
        list(read_segments(str(tmp_path)))


def test_plain_pyarrow_and_duckdb_read_the_tables(tmp_path):
    write_rows(str(tmp_path), SEGMENT_TABLE, SEGMENTS, "swh", rows_per_part=10)
    hive = pads.dataset(tmp_path / "segments", partitioning="hive").to_table()
    assert hive["language"].to_pylist() == ["swh"] * 25
    query = f"""
        select language, count(*), avg(score), sum(len(words))
        from read_parquet('{tmp_path}/segments/*/*.parquet', hive_partitioning = true)
        group by language
    """
    ((language, rows, score, words),) = duckdb.sql(query).fetchall()
    assert (language, rows, words) == ("swh", 25, 50)
    assert score == pytest.approx(-0.12)


def test_tables_go_to_any_file_system(tmp_path):
    root = f"memory://{tmp_path.name}"
    write_rows(root, SEGMENT_TABLE, SEGMENTS, "swh", rows_per_part=10)
    write_rows(root, SEGMENT_TABLE, SEGMENTS, "swh", rows_per_part=20)
    assert list(read_segments(root)) == SEGMENTS
    prune_languages(root, SEGMENT_TABLE, [])
    with pytest.raises(ArtifactError):
        read_segments(root)
