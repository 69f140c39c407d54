"""The command line: help, messages, exit status, and what it shows of a corpus."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pyarrow.parquet as pq
import pytest
import soundfile
import typer

from pipelines.cli import app, main
from pipelines.selections import read_selection
from pipelines.tables import read_alignments, read_segments
from schemas.units import SAMPLE_RATE_HZ
from tests.pipelines.corpora import contents, write_corpus

COMMANDS = [
    ["fetch"],
    ["run"],
    ["select"],
    ["label"],
    ["evaluate"],
    ["crossval"],
    ["realign"],
    ["synth"],
    ["train"],
    ["train", "asr"],
    ["train", "adapter"],
    ["train", "lid"],
    ["train", "lm"],
    ["train", "aligner"],
    ["recipe"],
    ["recipe", "slimipl"],
    ["inspect"],
    ["doctor"],
    ["status"],
    ["verify"],
    ["prune"],
]


@pytest.fixture
def toml(finished: Path) -> Path:
    return finished.parent / "corpus.toml"


# --- help and usage


def test_without_a_command_all_of_them_are_listed(command):
    done = command("--help")
    assert done.status == 0
    for name in {words[0] for words in COMMANDS}:
        assert name in done.out
    assert "0 done, 1 failed, 2 wrong usage, 3 done with rejects" in " ".join(
        done.out.split()
    )


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(words, command):
    done = command(*words, "--help")
    assert done.status == 0
    assert "Usage" in done.out
    assert len(done.out.splitlines()) > 8
    assert command(*words, "-h").out == done.out


def helps(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    yield name, command.help or ""
    for parameter in command.params:
        yield f"{name} {parameter.name}", getattr(parameter, "help", None) or ""
    for inner, below in getattr(command, "commands", {}).items():
        yield from helps(below, f"{name} {inner}")


def test_no_help_loses_words_in_square_brackets():
    """Rich takes [word] for a style and shows nothing of it."""
    told = dict(helps(typer.main.get_command(app), "pericope"))
    assert len(told) > 100
    assert [name for name, text in told.items() if re.search(r"\[[a-z/#@]", text)] == []


@pytest.mark.parametrize(
    "words",
    [
        ["cut"],
        ["run"],
        ["run", "corpus.toml", "--fast"],
        ["run", "corpus.toml", "--workers", "many"],
        ["synth"],
        ["synth", "here", "--text-format", "docx"],
        ["train", "tts"],
        ["inspect"],
        ["inspect", "corpus", "--worst", "all"],
        ["doctor", "--fix"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_status_2(words, command):
    done = command(*words)
    assert done.status == 2
    assert "Usage" in done.err
    assert done.out == ""


def test_the_installed_program_is_the_same(tmp_path):
    program = [sys.executable, "-m", "pipelines"]
    done = subprocess.run(
        [*program, "run", str(tmp_path / "none.toml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "none.toml: cannot be read" in " ".join(done.stderr.split())


# --- errors of the configuration stop at once: file, key, expected


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("[corpus]", "[corpse]"), ["corpse", "unknown key", "did you mean corpus"]),
        (('name = "test"', "name = 3"), ["corpus.name", "string", "got 3"]),
        (('name = "test"', ""), ["corpus.name", "expected a value"]),
        (("recordings.csv", "nowhere.csv"), ["nowhere.csv", "cannot be read"]),
        (("recordings.csv", "corpus.toml"), ["expected a manifest ending in .csv"]),
        (('"corpus"', '"ftp://x/y"'), ["corpus.output", "expected a folder"]),
        (('"corpus"', '"audio/file"'), ["corpus.output", "expected a folder"]),
        (("", "[model]\nname = 'huge'\n"), ["model.name", "bundled, mms-fa"]),
        (("", "[model]\ndevice = 'abacus'\n"), ["device", "abacus"]),
        (("", "[segment]\nmin_sec = 30.0\n"), ["segment", "min_sec <= target_sec"]),
        (("", "[align]\nbackend = 'viterby'\n"), ["align.backend", "viterbi"]),
        (("", "[align]\nbackend = 'torchaudio'\n"), ["align.pause_cost", "expected 0"]),
        (("", "[select.default]\nscore = 'high'\n"), ["select.default.score", "auto"]),
        (("", "[run]\nworkers = -1\n"), ["run.workers", "0 or above"]),
        (("", "not toml"), ["expected TOML"]),
    ],
)
def test_wrong_configuration_ends_with_status_2(
    change, told, speech, command, tmp_path
):
    path = write_corpus(tmp_path, speech, speech.rows())
    (tmp_path / "audio/file").touch()
    old, new = change
    text = path.read_text()
    path.write_text(text.replace(old, new) if old else text + new)
    done = command("run", path, "--runner", "plain")
    assert done.status == 2
    assert done.out == ""
    message = " ".join(done.err.split())
    assert message.startswith("pericope: ")
    assert "Traceback" not in message
    for words in told:
        assert words in message, message
    assert not (tmp_path / "corpus").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--runner", "DirectRunner"], "FnApiRunner"),
        (["--runner", "NoSuchRunner"], "NoSuchRunner"),
        (["--", "--direct_num_wrokers=2"], "direct_num_wrokers"),
    ],
)
def test_wrong_options_of_beam_end_with_status_2(options, told, toml, forks, tmp_path):
    ended = forks.run("run", toml, *options)
    assert ended.status == 2, ended.stderr
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["synth", "{}", "--preset", "huge"],
        ["synth", "{}", "--text", "{}/no-such-text.txt"],
        ["synth", "{}", "--format", "wma"],
        ["synth", "{}", "--language", "xyz"],
        ["inspect", "{}", "no-such-key"],
    ],
    ids=" ".join,
)
def test_wrong_values_are_told_in_one_line(words, command, tmp_path):
    done = command(*(word.format(tmp_path) for word in words))
    assert done.status in (1, 2)
    assert done.err.startswith("pericope: ")
    assert "expected" in " ".join(done.err.split())


# --- run


def test_a_run_ends_with_a_table_and_where_everything_is(toml, finished, command):
    before = contents(finished)
    done = command("run", toml, "--runner", "plain", "--quiet")
    assert done.status == 0
    for words in ("language", "swh", "rus", "dropped:", "x real time"):
        assert words in done.out
    assert f"shards:  {finished / 'shards'}" in done.out
    assert contents(finished) == before


def test_json_for_machines(toml, finished, command):
    done = command("run", toml, "--runner", "plain", "--json")
    assert done.status == 0
    document = json.loads(done.out)
    assert document["output"] == str(finished)
    languages = {row["language"]: row for row in document["languages"]}
    assert languages["swh"]["recordings"] == 2
    assert languages["swh"]["unlabeled_hours"] > 0
    assert done.err == ""


def test_a_damaged_file_of_the_store_is_told_in_one_line(finished, forks, tmp_path):
    """Through Beam, which hands on errors as text."""
    shutil.copytree(finished.parent, tmp_path / "copy")
    alignment = next((tmp_path / "copy/corpus/store/align").rglob("*.npz"))
    alignment.write_bytes(alignment.read_bytes()[:1000])
    for options in (["--runner", "plain"], ["--workers", 1], ["--workers", 2]):
        ended = forks.run("run", tmp_path / "copy/corpus.toml", *options)
        assert ended.status == 1, ended.stderr
        # Beam's threads print the traceback; what to do is said in the end.
        message = "".join(ended.stderr.rpartition("pericope: ")[2].split("\n"))
        assert "Traceback" not in message
        assert alignment.name in message
        assert "delete it" in message
    alignment.unlink()
    ended = forks.run("run", tmp_path / "copy/corpus.toml", "--runner", "plain")
    assert ended.status == 0
    assert contents(tmp_path / "copy/corpus") == contents(finished)


@pytest.mark.parametrize(
    "options", [["--runner", "plain"], ["--workers", 1], ["--workers", 2]]
)
def test_ctrl_c_says_how_to_go_on(options, speech, forks, tmp_path):
    path = write_corpus(tmp_path, speech, speech.rows())
    ended = forks.run("run", path, *options, kill_at=60, signal_number=signal.SIGINT)
    assert ended.status == 1, ended.stderr
    assert "start the same command again" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "corpus/corpus.json").exists()
    assert forks.run("run", path, "--runner", "plain").status == 0


# --- inspect


@pytest.fixture
def segments(finished):
    return list(read_segments(str(finished)))


def test_inspect_begins_with_the_summary(finished, command):
    done = command("inspect", finished)
    assert done.status == 0
    table, _, differing = done.out.partition("\n\n")
    assert [line.split()[0] for line in table.splitlines()] == [
        *("language", "rus", "swh", "all")
    ]
    assert "unwritten" in differing


def as_version_2(path: Path) -> None:
    """Turn a table into one of an older version, as far as its own marks say."""
    table = pq.read_table(path, partitioning=None)
    marks = {**table.schema.metadata, b"pericope.version": b"2"}
    kept = [name for name in table.column_names if name != "events"]
    pq.write_table(table.select(kept).replace_schema_metadata(marks), path)


def test_inspect_of_an_older_corpus_says_to_run_it_again(
    toml, finished, command, tmp_path
):
    older = tmp_path / "older"
    shutil.copytree(toml.parent, older)
    corpus = older / finished.name
    shards = next((corpus / "shards/labeled").rglob("*.tar")).parent
    tables = [
        *sorted((corpus / "alignments").rglob("*.parquet")),
        *sorted(shards.glob("index-*.parquet")),
    ]
    for table in tables:
        as_version_2(table)
    for options in ([], ["--events"]):
        done = command("inspect", corpus, *options)
        assert (done.status, done.out) == (1, "")
        told = " ".join(done.err.split())
        assert "expected table 'alignments' of version 5, got table" in told
        assert "say `pericope run` again" in told
    assert command("run", older / toml.name, "--runner", "plain", "--quiet").status == 0
    for table in tables:
        same = finished / table.relative_to(corpus)
        assert table.read_bytes() == same.read_bytes()


def test_inspect_of_no_corpus_says_so(command, tmp_path):
    done = command("inspect", tmp_path)
    assert (done.status, done.out) == (1, "")
    assert "expected the table, found none" in " ".join(done.err.split())


def test_inspect_lists_where_readers_differ_from_the_text(finished, command):
    done = command("inspect", finished, "--events")
    assert done.status == 0
    rows = list(read_alignments(str(finished)))
    events = [event for row in rows for event in row.events]
    lines = done.out.splitlines()
    assert lines[0].split() == "recording kind verse start end text".split()
    assert len(lines) == 1 + len(events)


def test_inspect_lists_the_worst_with_whole_keys(finished, segments, command):
    done = command("inspect", finished, "--worst", 2, "--language", "swh")
    assert done.status == 0
    labeled = [s for s in segments if s.text and s.language == "swh"]
    worst = sorted(labeled, key=lambda segment: segment.score)[:2]
    places = [done.out.index(segment.key) for segment in worst]
    assert places == sorted(places)
    assert "rus-" not in done.out


def test_inspect_shows_a_segment_word_by_word(finished, segments, command):
    segment = next(s for s in segments if any(w.word.isdecimal() for w in s.words))
    done = command("inspect", finished, segment.key)
    assert done.status == 0
    assert segment.text in " ".join(done.out.split())
    for word in segment.words:
        assert f"{word.start_sec:.3f}" in done.out
        assert word.word in done.out


def test_inspect_saves_a_clip_that_plays(finished, segments, command, tmp_path):
    unlabeled = next(s for s in segments if not s.text)
    labeled = next(s for s in segments if s.text)
    for segment in (labeled, unlabeled):
        path = tmp_path / f"{segment.key}.flac"
        done = command("inspect", finished, segment.key, "--save", path)
        assert done.status == 0, done.err
        samples, rate_hz = soundfile.read(path)
        assert rate_hz == SAMPLE_RATE_HZ
        assert len(samples) == round(segment.duration_sec * SAMPLE_RATE_HZ)
        assert samples.any()


def test_inspect_cannot_save_where_nothing_can_be_written(finished, segments, command):
    done = command("inspect", finished, segments[0].key, "--save", "/dev/null/a.flac")
    assert done.status == 2
    assert "/dev/null/a.flac" in done.err


def test_inspect_lists_rejects_as_they_are(speech, command, tmp_path):
    """Square brackets are no markup."""
    rows = [{**speech.row("rus-jhn-001"), "audio": "audio/[red]x[/blue].mp3"}]
    path = write_corpus(tmp_path, speech, rows)
    assert command("run", path, "--runner", "plain").status == 3
    done = command("inspect", tmp_path / "corpus", "--rejects")
    assert done.status == 0
    assert "[red]x[/blue].mp3" in "".join(done.out.split())
    assert "source_missing" in done.out
    other = command("inspect", tmp_path / "corpus", "--rejects", "--language", "swh")
    assert "source_missing" not in other.out


def test_inspect_of_no_corpus(command, tmp_path):
    done = command("inspect", tmp_path, "--worst", 3)
    assert done.status == 1
    assert "run the corpus first" in " ".join(done.err.split())


def test_a_selection_of_the_finished_corpus_can_be_read(finished, segments):
    keys = {segment.key for segment in segments if segment.text}
    assert set(read_selection(str(finished), "default")) == keys


def test_main_is_what_the_package_installs():
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="pericope")
    assert script.load() is main
