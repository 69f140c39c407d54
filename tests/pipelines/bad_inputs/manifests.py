"""Manifests that cannot be used, and rows that only jsonl and parquet can have."""

import codecs
import io

import pyarrow as pa
import pyarrow.parquet as pq

_HEAD = "recording_id,language,audio,text\n"
_ROW = "a,swh,audio/short.wav,text/short.txt\n"
_JSON = '{"recording_id": "a", "language": "swh", "audio": "a.wav", "text": ""}\n'


def parquet(**columns: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def refused_manifests() -> dict[str, tuple[str, bytes | None, str]]:
    """Return by kind: the file's name, its bytes (None: no file), what is told."""
    good = parquet(recording_id=["a"], language=["swh"], audio=["a.wav"], text=[""])
    csv = {
        "empty": ("", "expected the columns"),
        "blank-lines": ("\n\n\n", "expected the columns"),
        "header-alone": (_HEAD, "expected at least one row"),
        "no-header": (_ROW, "unknown column 'a'"),
        "column-missing": ("recording_id,language,audio\na,swh,b.wav\n", "add text"),
        "column-unknown": ("recording_id,language,audio,text,speaker\na,swh,b,c,d\n",
                           "unknown column 'speaker'"),
        "column-misspelt": ("recording_id,langauge,audio,text\na,swh,b,c\n",
                            "did you mean language"),
        "column-in-capitals": ("Recording_ID,language,audio,text\na,swh,b,c\n",
                               "did you mean recording_id"),
        "column-twice": ("recording_id,language,audio,text,text\na,swh,b,c,d\n",
                         "each column once"),
        "column-without-name": ("recording_id,language,audio,text,\na,swh,b,c,\n",
                                "unknown column ''"),
        "semicolons": (_HEAD.replace(",", ";") + _ROW.replace(",", ";"),
                       "separated by commas"),
        "tabs": (_HEAD.replace(",", "\t") + _ROW.replace(",", "\t"),
                 "separated by commas"),
        "quote-not-closed": (_HEAD + 'a,swh,"b.wav,c.txt\n' + _ROW * 3,
                             "quotation mark"),
        "quote-over-lines": (_HEAD + 'a,swh,"b\nc.wav",d\n', "runs over several lines"),
        "quote-in-the-middle": (_HEAD + 'a,swh,"b"c.wav,d\n', "line 2"),
        "cell-of-a-megabyte": (_HEAD + f"a,swh,{'b' * 2**20},c\n", "line"),
    }  # fmt: skip
    octets = {
        "latin-1": (_HEAD + "ä,swh,a,b\n").encode("latin-1"),
        "utf-16": codecs.BOM_UTF16_LE + (_HEAD + _ROW).encode("utf-16-le"),
        "spreadsheet": b"PK\x03\x04" + bytes(range(256)),
    }
    jsonl = {
        "json-empty": ("", "at least one row"),
        "json-column-missing": ('{"recording_id": "a"}\n', "expected the columns"),
        "json-column-unknown": (_JSON.replace('"text"', '"words"'), "unknown column"),
    }
    tables = {
        "parquet-empty-file": (b"", "expected a parquet file"),
        "parquet-is-csv": ((_HEAD + _ROW).encode(), "expected a parquet file"),
        "parquet-broken-off": (good[:-20], "expected a parquet file"),
        "parquet-destroyed": (good[:4] + b"\xff" * (len(good) - 8) + good[-4:],
                              "expected a parquet file"),
        "parquet-column-missing": (parquet(recording_id=["a"]), "expected the columns"),
        "parquet-no-rows": (
            parquet(**{name: pa.array([], pa.string()) for name in
                       ("recording_id", "language", "audio", "text")}),
            "at least one row",
        ),
    }  # fmt: skip
    kinds: dict[str, tuple[str, bytes | None, str]] = {}
    for name, (text, told) in csv.items():
        kinds[f"manifest-{name}"] = ("rows.csv", text.encode(), told)
    for name, data in octets.items():
        kinds[f"manifest-{name}"] = ("rows.csv", data, "")
    for name, (text, told) in jsonl.items():
        kinds[f"manifest-{name}"] = ("rows.jsonl", text.encode(), told)
    for name, (data, told) in tables.items():
        kinds[f"manifest-{name}"] = ("rows.parquet", data, told)
    kinds["manifest-not-there"] = ("nowhere.csv", None, "cannot be read")
    kinds["manifest-of-another-kind"] = ("rows.xlsx", b"PK", "ending in .csv")
    kinds["manifest-without-ending"] = ("rows", b"", "ending in .csv")
    return kinds


def jsonl_rows() -> dict[str, tuple[bytes, str]]:
    """Return lines of a jsonl file that cannot be read, with their reasons."""
    line = _JSON.strip().encode()
    return {
        "line-not-json": (b"a,swh,a.wav,", "row_malformed"),
        "line-broken-off": (line[:-9], "row_malformed"),
        "line-a-list": (b'["a", "swh"]', "row_malformed"),
        "line-a-number": (b"3", "row_malformed"),
        "line-key-twice": (line[:-1] + b', "audio": "b.wav"}', "row_malformed"),
        "line-deep": (b'{"recording_id": ' + b"[" * 9_999 + b"]" * 9_999 + b"}",
                      "row_malformed"),
        "line-not-utf-8": (line.replace(b'"a"', b'"\xff"'), "row_malformed"),
        "line-of-nuls": (bytes(40), "row_malformed"),
        "line-two-objects": (line + line, "row_malformed"),
        "cell-a-list": (line.replace(b'""', b'["a", "b"]'), "row_malformed"),
        "cell-an-object": (line.replace(b'""', b'{"a": 1}'), "row_malformed"),
        "cell-a-lone-surrogate": (line.replace(b'""', rb'"\ud800"'), "row_malformed"),
        "cell-a-line-break": (line.replace(b'""', rb'"a\nb"'), "row_malformed"),
        "cell-endless-number": (line.replace(b'""', b"1e999"), "row_malformed"),
        "cell-id-null": (line.replace(b'"a"', b"null"), "key_unusable"),
    }  # fmt: skip


def parquet_rows() -> dict[str, tuple[bytes, str]]:
    """Return parquet files of one row that cannot be used."""

    def table(**columns: object) -> bytes:
        good = {
            "recording_id": ["a"],
            "language": ["swh"],
            "audio": ["a"],
            "text": [""],
        }
        return parquet(**{**good, **columns})

    return {
        "column-of-lists": (table(audio=[["a.wav"]]), "row_malformed"),
        "column-of-bytes": (table(audio=[b"\xff\xfe"]), "row_malformed"),
        "column-of-times": (table(audio=pa.array([0], pa.timestamp("s"))),
                            "row_malformed"),
        "column-of-nulls": (table(audio=pa.nulls(1)), "source_missing"),
    }  # fmt: skip
