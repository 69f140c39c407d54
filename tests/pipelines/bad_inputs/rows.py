"""Rows of a manifest that say what cannot be."""

from tests.pipelines.bad_inputs.kinds import Bad


def row(name: str, reason: str, **cells: str) -> Bad:
    return Bad(name=name, stage="manifest", reason=reason, cells=cells)


def bad_rows() -> list[Bad]:
    ids = {
        "id-with-a-dot": "swh.mrk",
        "id-with-a-slash": "swh/mrk",
        "id-that-leads-out": "../swh-mrk",
        "id-with-a-space": "swh mrk",
        "id-of-other-letters": "سورة",
        "id-too-long": "x" * 101,
        "id-begins-with-a-dash": "-rf",
        "id-with-a-colon": "C:mrk",
    }
    languages = {
        "language-empty": "",
        "language-unknown": "xx1",
        "language-of-two-letters": "sw",
        "language-by-name": "Swahili",
        "language-retired": "drh",
        "script-unknown": "swh-Abcd",
        "language-with-a-region": "swh-KE",
    }
    refused = {
        "audio-leaves-the-folder": {"audio": "../../outside.mp3"},
        "audio-absolute": {"audio": "/etc/hostname"},
        "audio-as-file-uri": {"audio": "file:///etc/hostname"},
        "audio-as-escaped-uri": {"audio": "file:///tmp/%2e%2e/etc/hostname"},
        "audio-on-a-host": {"audio": "file://host/a.wav"},
        "audio-by-ftp": {"audio": "ftp://h.example/a.wav"},
        "audio-by-gopher": {"audio": "gopher://h.example/a.wav"},
        "audio-without-host": {"audio": "http:///a.wav"},
        "audio-port-of-letters": {"audio": "http://h.example:port/a.wav"},
        "audio-port-too-high": {"audio": "http://h.example:99999/a.wav"},
        "audio-host-broken": {"audio": "http://[::1/a.wav"},
        "audio-without-key": {"audio": "s3://bucket"},
        "audio-without-bucket": {"audio": "gs:///a.wav"},
        "audio-chained": {"audio": "s3://bucket/a::file:///etc/passwd"},
        "text-leaves-the-folder": {"text": "../outside.txt"},
        "times-leave-the-folder": {"timing": "../outside.json"},
    }
    malformed = {
        "format-unknown": {"text_format": "docx"},
        "book-with-a-space": {"book": "1 JN"},
        "book-too-long": {"book": "X" * 33},
        "chapter-in-words": {"chapter": "moja"},
        "chapter-negative": {"chapter": "-1"},
        "chapter-with-a-part": {"chapter": "1.5"},
        "chapter-too-high": {"chapter": "10000"},
        "chapter-of-other-digits": {"chapter": "١"},
        "drama-perhaps": {"drama": "perhaps"},
        "reader-with-a-bell": {"reader": "espeak\a"},
        "text-with-an-escape": {"text": "text/\x1b[31m.txt"},
        "licence-with-a-nul": {"licence": "CC0\0"},
    }
    return [
        *(row(name, "key_unusable", recording_id=value) for name, value in ids.items()),
        *(row(name, "language_unknown", language=code)
          for name, code in languages.items()),
        row("audio-empty", "source_missing", audio=""),
        *(row(name, "source_refused", **cells) for name, cells in refused.items()),
        *(row(name, "row_malformed", **cells) for name, cells in malformed.items()),
    ]  # fmt: skip
