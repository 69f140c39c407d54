"""Tables: exact round trips, and refusal of what is not ours."""

import io
import math
import re
from dataclasses import fields

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alignment import (
    EventKind,
    ReadingEvent,
    StarSpan,
    VerseAlignment,
    WordSpan,
)
from schemas.alignment_row import AlignmentRow
from schemas.errors import ArtifactError
from schemas.segment import Fate, LedgerEntry, Reject, Segment
from schemas.tables import (
    ALIGNMENT_TABLE,
    INDEX_TABLE,
    LEDGER_TABLE,
    REJECT_TABLE,
    SEGMENT_TABLE,
    SELECTION_TABLE,
    IndexEntry,
    Verdict,
    check_schema,
)

TABLES = [
    SEGMENT_TABLE,
    ALIGNMENT_TABLE,
    REJECT_TABLE,
    LEDGER_TABLE,
    SELECTION_TABLE,
    INDEX_TABLE,
]

text = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8)
real = st.floats(allow_nan=True, allow_infinity=True)
count = st.integers(0, 2**40)
words = st.lists(
    st.builds(WordSpan, text, real, real, real, count, count, real), max_size=3
).map(tuple)
stars = st.lists(st.builds(StarSpan, real, real, text), max_size=2).map(tuple)
events = st.lists(
    st.builds(ReadingEvent, st.sampled_from(EventKind), text, real, real, text),
    max_size=2,
).map(tuple)
segments = st.builds(
    Segment,
    **{f.name: text for f in fields(Segment) if f.type in ("str", str)},
    **{f.name: real for f in fields(Segment) if f.type in ("float", float)},
    words=words,
    drama=st.booleans(),
)
verses = st.builds(
    VerseAlignment,
    verse=text, text=text, romanised=text, start_sec=real, end_sec=real, score=real,
    score_worst=real, confidence=real, margin=real, words=words, stars=stars,
    spoken_text=text,
)  # fmt: skip
RECORDS = [
    (SEGMENT_TABLE, segments),
    (
        ALIGNMENT_TABLE,
        st.builds(
            AlignmentRow, recording_id=text, language=text, book=text, chapter=count,
            verse=verses, events=events, model=text, digest=text,
        ),
    ),
    (REJECT_TABLE, st.builds(Reject, text, text, text, text, text)),
    (
        LEDGER_TABLE,
        st.builds(LedgerEntry, text, text, real, real, st.sampled_from(Fate), text),
    ),
    (
        SELECTION_TABLE,
        st.builds(Verdict, text, st.booleans(), st.lists(text).map(tuple)),
    ),
    (INDEX_TABLE, st.builds(IndexEntry, text, text, count, count)),
]  # fmt: skip


def same(left: object, right: object) -> bool:
    """Compare records with NaN equal to NaN, but 1 not equal to True."""
    return repr(left) == repr(right)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize(
    ("kind", "records"), RECORDS, ids=[kind.name for kind, _ in RECORDS]
)
def test_records_survive_a_parquet_file_exactly(kind, records, data):
    found = data.draw(st.lists(records, max_size=4))
    buffer = io.BytesIO()
    pq.write_table(kind.table(found), buffer)
    back = list(kind.records(pq.read_table(buffer)))
    assert same(back, found)


def test_every_field_of_a_segment_is_a_column():
    assert set(SEGMENT_TABLE.schema.names) == {f.name for f in fields(Segment)}


def test_no_score_is_nan_and_never_null():
    words = (WordSpan("7", 0.0, 1.0, math.nan, 0, 1),)
    verse = VerseAlignment(
        verse="2", text="7", romanised="", start_sec=0.0, end_sec=1.0, score=math.nan,
        score_worst=math.nan, words=words, stars=(StarSpan(0.0, 1.0, "7"),),
    )  # fmt: skip
    row = AlignmentRow(
        recording_id="a", language="swh", book="MRK", chapter=3, verse=verse,
        model="planted", digest="0",
    )  # fmt: skip
    table = ALIGNMENT_TABLE.table([row])
    assert table["score"].null_count == 0
    assert table["verse"].to_pylist() == ["2"]
    assert math.isnan(table["words"][0].as_py()[0]["score"])


def test_columns_may_come_in_another_order_and_with_company():
    entry = IndexEntry("k", "s.tar", 512, 1024)
    table = INDEX_TABLE.table([entry])
    other = table.select(table.column_names[::-1])
    other = other.append_column("note", pa.array(["x"]))
    assert list(INDEX_TABLE.records(other)) == [entry]


def test_a_null_is_refused_where_a_record_has_none():
    table = INDEX_TABLE.table([IndexEntry("k", None, 0, 0)])  # type: ignore[arg-type]
    with pytest.raises(pa.ArrowInvalid, match="non-nullable"):
        pq.write_table(table, io.BytesIO())


@pytest.mark.parametrize("kind", TABLES, ids=[kind.name for kind in TABLES])
def test_another_table_or_version_is_refused(kind):
    schema = kind.schema
    check_schema(schema, schema)
    older = schema.with_metadata({**schema.metadata, b"pericope.version": b"0"})
    told = rf"x\.parquet: expected table '{kind.name}' of version 5, got table '\w+' of"
    with pytest.raises(ArtifactError, match=rf"{told} version 0; .*`pericope run` aga"):
        check_schema(older, schema, "x.parquet")
    with pytest.raises(ArtifactError, match="of version 5, got no table of pericope"):
        check_schema(schema.remove_metadata(), schema)
    for other in TABLES:
        if other is not kind:
            with pytest.raises(ArtifactError, match=f"got table '{other.name}'"):
                check_schema(other.schema, schema)


@pytest.mark.parametrize("kind", TABLES, ids=[kind.name for kind in TABLES])
def test_columns_that_lack_or_have_another_type_are_named(kind):
    schema = kind.schema
    for place, field in enumerate(schema):
        told = rf"expected column '{field.name}' of type {re.escape(str(field.type))}, "
        with pytest.raises(ArtifactError, match=rf"{told}got none; .*`pericope run`"):
            check_schema(schema.remove(place), schema)
        other = schema.set(place, field.with_type(pa.list_(pa.int8())))
        with pytest.raises(ArtifactError, match=rf"{told}got list<item: int8>"):
            check_schema(other, schema)
