import csv
import hashlib
import io
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.manifest import Manifest, read_manifest
from schemas.errors import ConfigError
from schemas.source import Recording, TextFormat

HEADER = "recording_id,language,audio,text"


def read(
    folder: Path, content: str | bytes, name: str = "m.csv", **options
) -> Manifest:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_manifest(path, **options)


def write_table(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write rows in the format of the path's ending."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
        path.write_text("\ufeff" + text.getvalue(), encoding="utf-8", newline="")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        filled = [{name: row.get(name) for name in columns} for row in rows]
        pq.write_table(pa.Table.from_pylist(filled), path)
    return path


def reasons(manifest: Manifest) -> list[tuple[str, str]]:
    return [(reject.key, reject.reason) for reject in manifest.rejects]


def test_a_full_row(tmp_path):
    content = (
        "recording_id,language,audio,text,text_format,book,chapter,version,reader,drama,"
        "licence,timing\n"
        "swh-1,SWH,a.mp3,s3://b/t.txt,USFM,mrk,01,V 1,Asha,yes,CC0-1.0,t.json\n"
    )
    manifest = read(tmp_path, content)
    folder = os.path.realpath(tmp_path)
    assert manifest.recordings == (
        Recording(
            recording_id="swh-1",
            language="swh",
            audio=f"{folder}/a.mp3",
            text="s3://b/t.txt",
            text_format=TextFormat.USFM,
            book="MRK",
            chapter=1,
            version="V 1",
            reader="Asha",
            drama=True,
            licence="CC0-1.0",
            timing=f"{folder}/t.json",
        ),
    )
    assert manifest.rejects == ()
    assert manifest.digest == hashlib.sha256(content.encode()).hexdigest()


def test_a_row_without_text_is_an_unlabeled_recording(tmp_path):
    manifest = read(tmp_path, f"{HEADER}\na,swh,a.mp3,\n", default_licence="CC0-1.0")
    assert manifest.recordings[0].text is None
    assert manifest.recordings[0].licence == "CC0-1.0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.usfm", TextFormat.USFM),
        ("a.SFM", TextFormat.USFM),
        ("a.usx", TextFormat.USX),
        ("a.tsv", TextFormat.TSV),
        ("a.vpl", TextFormat.VPL),
        ("a.txt", TextFormat.PLAIN),
        ("usx", TextFormat.PLAIN),
        ("https://h.example/a.usx?version=2.txt", TextFormat.USX),
        ("gs://b/a.usfm", TextFormat.USFM),
    ],
)
def test_the_ending_tells_the_text_format(tmp_path, text, expected):
    manifest = read(tmp_path, f"{HEADER}\na,swh,a.mp3,{text}\n")
    assert manifest.recordings[0].text_format == expected


@pytest.mark.parametrize(
    ("row", "key", "reason", "message"),
    [
        ("a,sw,a.mp3,,,", "a", "language_unknown", "did you mean 'swa'"),
        ("a,,a.mp3,,,", "a", "language_unknown", "empty cell"),
        ("a.b,swh,a.mp3,,,", "a.b", "key_unusable", "rename it"),
        (",swh,a.mp3,,,", "row 2", "key_unusable", "empty cell"),
        ("a,swh,,,,", "a", "source_missing", "audio: expected"),
        ("a,swh,../a.mp3,,,", "a", "source_refused", "leads to"),
        ("a,swh,a.mp3,/etc/passwd,,", "a", "source_refused", "leads to"),
        ("a,swh,ftp://h.example/a,,,", "a", "source_refused", "scheme 'ftp'"),
        ("a,swh,a.mp3,t.doc,doc,", "a", "row_malformed", "plain, tsv, vpl, usfm, usx"),
        ("a,swh,a.mp3,,,-1", "a", "row_malformed", "chapter: expected a number"),
        ("a,swh,a.mp3,,,1.5", "a", "row_malformed", "got '1.5'"),
        ("a,swh,a.mp3,,,²", "a", "row_malformed", "chapter"),
        (
            "a,swh,a.mp3",
            "a",
            "row_malformed",
            "expected 6 cells as in the header, got 3",
        ),
        ("a,swh,a.mp3,,,,,", "a", "row_malformed", "got 8"),
        ("a,swh,a\x01.mp3,,,", "a", "row_malformed", "control characters"),
    ],
)
def test_a_wrong_row_is_a_reject_and_the_rest_goes_on(
    tmp_path, row, key, reason, message
):
    header = f"{HEADER},text_format,chapter"
    manifest = read(
        tmp_path, f"{header}\ngood,swh,a.mp3,,,\n{row}\nlast,deu,b.mp3,,,\n"
    )
    assert [recording.recording_id for recording in manifest.recordings] == [
        "good",
        "last",
    ]
    (reject,) = manifest.rejects
    assert (reject.stage, reject.key, reject.reason) == ("manifest", key, reason)
    assert message in reject.message and "m.csv row 2" in reject.message
    assert reject.language == ("" if reason == "language_unknown" else "swh")


def test_wrong_values_of_optional_columns(tmp_path):
    rows = "a,swh,a.mp3,,maybe,\nb,swh,a.mp3,,no,no book!\nc,swh,a.mp3,,no,1co\n"
    manifest = read(tmp_path, f"{HEADER},drama,book\n{rows}")
    assert reasons(manifest) == [("a", "row_malformed"), ("b", "row_malformed")]
    assert manifest.recordings[0].book == "1CO"


def test_equal_rows_count_once_and_different_ones_not_at_all(tmp_path):
    rows = [
        "a,swh,a.mp3,",
        "b,swh,b.mp3,",
        "a,swh,a.mp3, ",
        "c,swh,c.mp3,",
        "b,swh,other.mp3,",
        "b,swh,b.mp3,",
    ]
    manifest = read(tmp_path, "\n".join([HEADER, *rows]))
    assert [recording.recording_id for recording in manifest.recordings] == ["a", "c"]
    assert reasons(manifest) == [(key, "duplicate_recording") for key in "babb"]
    assert "repeats row 1" in manifest.rejects[1].message
    assert "3 different rows with this one (2, 5, 6)" in manifest.rejects[0].message


def test_a_wrong_row_makes_its_namesake_suspect_too(tmp_path):
    manifest = read(tmp_path, f"{HEADER}\na,swh,a.mp3,\na,xxx,a.mp3,\n")
    assert manifest.recordings == ()
    assert reasons(manifest) == [("a", "duplicate_recording")] * 2


def test_outside_paths_when_allowed(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    manifest = read(folder, f"{HEADER}\na,swh,../a.mp3,\n", allow_outside=True)
    assert manifest.recordings[0].audio == os.path.realpath(tmp_path / "a.mp3")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "m.csv",
            "",
            "expected the columns recording_id, language, audio, text, got none",
        ),
        ("m.csv", "recording_id,language\na,b\n", "add audio, text"),
        ("m.csv", "recording_id;language;audio;text\n", "separated by commas"),
        ("m.csv", HEADER + "\n", "at least one row"),
        ("m.csv", HEADER + ",texts\n", "unknown column 'texts'; did you mean text"),
        ("m.csv", HEADER + ",Licence\n", "did you mean licence"),
        ("m.csv", HEADER + ",audio\n", r"each column once, got \['audio'\]"),
        ("m.csv", HEADER + '\na,swh,"a.mp3,\nb,swh,b.mp3,\n', "line 3: unexpected end"),
        ("m.csv", HEADER + '\na,swh,"a.mp3,\nb,swh",b.mp3,\n', "several lines"),
        ("m.csv", HEADER.encode("utf-16"), "expected UTF-8, got byte 0xff"),
        ("m.csv", HEADER.encode() + b"\na,swh,\xe4.mp3,\n", "got byte 0xe4"),
        ("m.jsonl", "", "at least one row"),
        ("m.jsonl", '{"recording_id": "a", "audio": "a"}\n', "add language, text"),
        ("m.jsonl", '{"text": ""}\n{"texts": ""}\n', "row 2: unknown column 'texts'"),
        ("m.parquet", "PAR1 but not really", "expected a parquet file"),
        ("m.parquet", "", "expected a parquet file"),
        ("m.xlsx", "", "expected a manifest ending in .csv, .jsonl, .parquet"),
    ],
)
def test_a_wrong_file_stops_at_once(tmp_path, name, content, message):
    with pytest.raises(ConfigError, match=message) as caught:
        read(tmp_path, content, name)
    assert str(tmp_path / name) in str(caught.value)


def test_a_missing_file_stops_at_once(tmp_path):
    for name in ("m.csv", "m.jsonl", "m.parquet"):
        with pytest.raises(ConfigError, match="cannot be read"):
            read_manifest(tmp_path / name)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        read_manifest(tmp_path / "folder.csv")


def test_lines_that_are_not_json_objects(tmp_path):
    good = {"recording_id": "a", "language": "swh", "audio": "a.mp3", "text": None}
    lines = [
        json.dumps(good).encode(),
        b"{broken",
        b"",
        b"[1, 2]",
        b'"text"',
        b'{"text": "\xff"}',
        b'{"text": "a", "text": "b"}',
        b'{"text":' + b"[" * 100_000,
        b'{"chapter": ' + b"9" * 5_000 + b"}",
        b'{"recording_id": "b", "text": ["a"]}',
        b'{"recording_id": "c", "text": {"text": 1}}',
        b'{"recording_id": "d", "text": "\\ud800"}',
        json.dumps({**good, "recording_id": "e"}).encode(),
    ]
    manifest = read(tmp_path, b"\r\n".join(lines), "m.jsonl")
    assert [recording.recording_id for recording in manifest.recordings] == ["a", "e"]
    keys = [f"row {n}" for n in (2, 4, 5, 6, 7, 8, 9)] + ["b", "c", "d"]
    assert reasons(manifest) == [(key, "row_malformed") for key in keys]


def test_numbers_and_truth_values_of_typed_formats(tmp_path):
    row = {"recording_id": 12, "language": "swh", "audio": "a.mp3", "text": None}
    rows = [
        {**row, "chapter": 3.0, "drama": True},
        {**row, "recording_id": 13, "chapter": float("nan"), "drama": None},
    ]
    for ending in (".jsonl", ".parquet"):
        manifest = read_manifest(write_table(tmp_path / f"m{ending}", rows))
        first, second = manifest.recordings
        assert (first.recording_id, first.chapter, first.drama) == ("12", 3, True)
        assert (second.recording_id, second.chapter, second.drama) == ("13", 0, False)


relaxed = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
names = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=8)
paths = st.from_regex(r"[a-zà-ÿ0-9_][a-zà-ÿ0-9_. ]{0,10}[a-z]", fullmatch=True)
recordings = st.builds(
    Recording,
    recording_id=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True),
    language=st.sampled_from(["swh", "srp-Cyrl", "amh", "hin"]),
    audio=paths,
    text=st.none() | paths,
    text_format=st.sampled_from(TextFormat),
    book=st.sampled_from(["", "MRK", "1CO"]),
    chapter=st.integers(0, 150),
    version=names,
    reader=names,
    drama=st.booleans(),
    licence=names,
    timing=st.none() | paths,
)


@relaxed
@given(st.lists(recordings, min_size=1, max_size=6, unique_by=lambda r: r.recording_id))
def test_what_is_written_is_read_in_every_format(tmp_path, written):
    rows = [dict(vars(recording)) for recording in written]
    folder = os.path.realpath(tmp_path)
    expected = [
        {
            **row,
            **{
                column: row[column] and f"{folder}/{row[column]}"
                for column in ("audio", "text", "timing")
            },
        }
        for row in rows
    ]
    for ending in (".csv", ".jsonl", ".parquet"):
        manifest = read_manifest(write_table(tmp_path / f"m{ending}", rows))
        assert [vars(recording) for recording in manifest.recordings] == expected
        assert manifest.rejects == ()


cells = st.sampled_from(
    ["", "a", "b", "a.b", "swh", "xxx", "../a", "a.mp3", "http://", "-1",
     "3", "usfm", "é\x02"]
)  # fmt: skip


@relaxed
@given(st.lists(st.lists(cells, min_size=6, max_size=6), min_size=1, max_size=8))
def test_inputs_are_recordings_and_rejects(tmp_path, table):
    columns = [*HEADER.split(","), "chapter", "text_format"]
    rows = [dict(zip(columns, values, strict=True)) for values in table]
    for ending in (".csv", ".jsonl", ".parquet"):
        manifest = read_manifest(write_table(tmp_path / f"m{ending}", rows))
        assert len(manifest.recordings) + len(manifest.rejects) == len(rows)
        ids = [recording.recording_id for recording in manifest.recordings]
        assert len(set(ids)) == len(ids)
