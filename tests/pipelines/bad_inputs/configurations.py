"""Configurations that are refused before anything begins."""

_CORPUS = '[corpus]\nname = "test"\nmanifest = "recordings.csv"\noutput = "corpus"\n'


def _with(section: str, line: str) -> str:
    return f"{_CORPUS}[{section}]\n{line}\n"


def _corpus(key: str, value: str) -> str:
    lines = (line for line in _CORPUS.splitlines() if not line.startswith(f"{key} "))
    return "\n".join([*lines, f"{key} = {value}"]) + "\n"


def refused_configurations() -> dict[str, tuple[bytes, str]]:
    """Return by kind: the file, and the key (or what else) the message names."""
    texts = {
        "empty": ("", "corpus"),
        "not-toml": ("[corpus\n", "corpus.toml"),
        "is-json": ('{"corpus": {}}', "corpus.toml"),
        "is-yaml": ("corpus:\n  name: test\n", "corpus.toml"),
        "key-twice": (_CORPUS + 'name = "again"\n', "corpus.toml"),
        "section-twice": (_CORPUS + _CORPUS, "corpus.toml"),
        "number-not-closed": (_CORPUS + "licence = 1.\n", "corpus.toml"),
        "no-name": ('[corpus]\nmanifest = "a.csv"\noutput = "b"\n', "corpus.name"),
        "corpus-a-number": ("corpus = 3\n", "corpus"),
        "unknown-section": (_with("modl", "a = 1"), "did you mean model"),
        "unknown-key": (_with("align", "windw_sec = 3"), "align.windw_sec"),
        "select-a-number": (_with("select", "a = 3"), "select.a"),
    }
    values = {
        "corpus.name": ['"a/b"', '".."', '""', "3", f'"{"x" * 65}"'],
        "corpus.manifest": ['""', '"ftp://h.example/m.csv"', '"file://host/m.csv"'],
        "corpus.output": ['"ftp://h.example/o"', '"s3://"', '"s3://b/a::c"'],
        "corpus.allow_outside": ['"yes"'],
    }
    sections = {
        "fetch.max_bytes": ["0", "-1", '"4 GB"'],
        "fetch.max_hours": ["0", "nan"],
        "fetch.timeout_sec": ["0", "inf"],
        "fetch.retries": ["-1", "2.5"],
        "fetch.min_bytes_per_sec": ["-1"],
        "fetch.max_connections": ["0"],
        "fetch.max_connections_per_host": ["-4"],
        "fetch.check_again": ["1"],
        "model.name": ["3"],
        "model.keep_emissions": ['"no"'],
        "align.window_sec": ["-3", "'3'", "2020-01-01"],
        "align.backend": ["'other'"],
        "align.star_toll": ["-1"],
        "align.batch_windows": ["0"],
        "adapt.steps": ["-1"],
        "segment.min_sec": ["30"],
        "segment.mode": ["'words'"],
        "shards.samples_per_shard": ["0"],
        "run.workers": ["-1", '"all"'],
        "run.max_audio_hours_in_flight": ["-1"],
        "unlabeled.rules": ["'none'"],
        "unlabeled.harvest": ["['all']"],
        "select.x.score": ["'high'", "{ max = 1 }"],
        "select.x.where": ["3", "'scor > 0'", "'score'", "'score > 0; drop table a'"],
        "select.x.lane": ["'private'"],
    }
    kinds = {f"config-{name}": (text.encode(), told)
             for name, (text, told) in texts.items()}  # fmt: skip
    for path, wrong in values.items():
        key = path.partition(".")[2]
        for number, value in enumerate(wrong):
            kinds[f"config-{path}-{number}"] = (_corpus(key, value).encode(), path)
    for path, wrong in sections.items():
        section, _, key = path.rpartition(".")
        for number, value in enumerate(wrong):
            text = _with(section, f"{key} = {value}")
            kinds[f"config-{path}-{number}"] = (text.encode(), section)
    kinds["config-not-utf-8"] = (b"a = '\xe4'", "corpus.toml")
    kinds["config-of-nuls"] = (bytes(99), "corpus.toml")
    kinds["config-an-archive"] = (b"PK\x03\x04" + bytes(range(256)), "corpus.toml")
    return kinds
