"""Hundreds of inputs that are bad, each in its own way, beside some that are good."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile

from pipelines.archives import ArchiveLimits, opened_archive
from pipelines.manifest import read_manifest
from pipelines.tables import read_rejects
from schemas.errors import InputError
from schemas.segment import Reject
from tests.aligner.sounds import bursts
from tests.pipelines.bad_inputs.archives import bad_archives
from tests.pipelines.bad_inputs.audio import bad_audio
from tests.pipelines.bad_inputs.configurations import refused_configurations
from tests.pipelines.bad_inputs.faults import SETTINGS, bad_answers
from tests.pipelines.bad_inputs.kinds import GOOD_AUDIO, GOOD_TEXT, Bad
from tests.pipelines.bad_inputs.manifests import (
    jsonl_rows,
    parquet_rows,
    refused_manifests,
)
from tests.pipelines.bad_inputs.rows import bad_rows
from tests.pipelines.bad_inputs.texts import bad_texts
from tests.pipelines.bad_inputs.timings import bad_timings
from tests.pipelines.conftest import serving
from tests.pipelines.corpora import COLUMNS, Speech, write_corpus
from tests.pipelines.forks import Ended, Forks

GOOD = ("swh-mrk-001", "rus-jhn-001")
MORE_MEMORY_BYTES = 300 * 2**20
"""What a run may take beyond the same run without bad inputs. One of them unpacks to a
gigabyte, others claim terabytes or never end."""
ARCHIVE_LIMITS = ArchiveLimits(max_members=2_000, max_total_bytes=500_000)


@dataclass(frozen=True)
class Outcome:
    bads: list[Bad]
    ended: Ended
    alone: Ended
    """The same run without the bad inputs."""
    output: Path
    output_alone: Path
    rejects: list[Reject]


def write_rows(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "recordings.csv").open("w", newline="") as file:
        columns = [*COLUMNS, "timing", "drama", "licence"]
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def write_bads(folder: Path, server) -> list[Bad]:
    (folder / "timing").mkdir()
    soundfile.write(folder / GOOD_AUDIO, bursts(16_000, 2.0), 16_000)
    (folder / GOOD_TEXT).write_text("maji mengi\n")
    return [
        *bad_audio(folder),
        *bad_texts(),
        *bad_timings(),
        *bad_rows(),
        *bad_answers(server),
    ]


@pytest.fixture(scope="module")
def outcome(speech: Speech, forks: Forks, tmp_path_factory) -> Outcome:
    good = [speech.row(name) for name in GOOD]
    folder = tmp_path_factory.mktemp("bad")
    folder_alone = tmp_path_factory.mktemp("good")
    toml, toml_alone = (
        write_corpus(each, speech, good, SETTINGS) for each in (folder, folder_alone)
    )
    alone = forks.run("run", toml_alone, "--workers", 2)
    assert alone.status == 0, alone.stderr
    with serving() as server:
        bads = write_bads(folder, server)
        rows = [bad.write(folder) for bad in bads]
        write_rows(folder, [*rows[:99], good[0], *rows[99:], good[1]])
        ended = forks.run("run", toml, "--workers", 2)
    output = folder / "corpus"
    rejects = list(read_rejects(str(output))) if ended.status == 3 else []
    return Outcome(bads, ended, alone, output, folder_alone / "corpus", rejects)


def test_there_are_hundreds_and_no_two_alike(outcome):
    kinds = Counter(bad.name for bad in outcome.bads)
    for others in (
        refused_manifests(),
        jsonl_rows(),
        parquet_rows(),
        refused_configurations(),
        bad_archives(),
    ):
        kinds.update(others.keys())
    assert max(kinds.values()) == 1
    assert len(kinds) >= 200
    assert len(outcome.bads) >= 200


def test_the_run_ends_with_status_3_and_without_a_traceback(outcome):
    assert outcome.ended.status == 3, outcome.ended.stderr
    assert "Traceback" not in outcome.ended.stderr + outcome.ended.stdout


def test_each_is_a_reject_with_its_step_and_reason(outcome):
    expected = {bad.key or None: (bad.stage, bad.reason) for bad in outcome.bads}
    found = {reject.key: (reject.stage, reject.reason) for reject in outcome.rejects}
    assert found == expected
    assert len(outcome.rejects) == len(outcome.bads)


def test_each_message_names_the_item(outcome):
    messages = {reject.key: reject.message for reject in outcome.rejects}
    for bad in outcome.bads:
        message = messages[bad.key]
        names = {bad.name, bad.name[:40], *filter(None, bad.cells.values())}
        assert any(name in message for name in names) or "recordings.csv row" in message
        assert len(message) > len(bad.name) + 20, message
        assert str(outcome.output.parent) not in message


def test_good_recordings_are_not_harmed(outcome):
    def made(output: Path) -> dict[str, bytes]:
        return {
            path.relative_to(output).as_posix(): path.read_bytes()
            for folder in ("shards", "alignments", "segments")
            for path in sorted((output / folder).rglob("*"))
            if path.is_file()
        }

    assert len(made(outcome.output)) >= 4
    assert made(outcome.output) == made(outcome.output_alone)


def test_memory_is_bounded(outcome):
    assert outcome.ended.peak_bytes < outcome.alone.peak_bytes + MORE_MEMORY_BYTES


def squeezed(text: str) -> str:
    """Return text without the white space at which lines are broken for a screen."""
    return "".join(text.split())


@pytest.mark.parametrize("kind", refused_configurations())
def test_configurations_are_refused(command, tmp_path, kind):
    content, told = refused_configurations()[kind]
    (tmp_path / "corpus.toml").write_bytes(content)
    done = command("run", tmp_path / "corpus.toml")
    assert done.status == 2
    assert squeezed(told) in squeezed(done.err)
    assert "corpus.toml" in squeezed(done.err)
    assert "Traceback" not in done.err
    assert not (tmp_path / "corpus").exists()


@pytest.mark.parametrize("kind", refused_manifests())
def test_manifests_are_refused(command, tmp_path, kind):
    name, content, told = refused_manifests()[kind]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    (tmp_path / "corpus.toml").write_text(
        f'[corpus]\nname = "test"\nmanifest = "{name}"\noutput = "corpus"\n'
    )
    done = command("run", tmp_path / "corpus.toml")
    assert done.status == 2
    assert squeezed(told) in squeezed(done.err)
    assert name in squeezed(done.err)
    assert "Traceback" not in done.err
    assert not (tmp_path / "corpus").exists()


@pytest.mark.parametrize("kind", [*jsonl_rows(), *parquet_rows()])
def test_rows_of_other_manifests_are_rejected(tmp_path, kind):
    is_line = kind in jsonl_rows()
    content, reason = (jsonl_rows() if is_line else parquet_rows())[kind]
    path = tmp_path / f"rows.{'jsonl' if is_line else 'parquet'}"
    good = b'{"recording_id": "b", "language": "swh", "audio": "b", "text": ""}\n'
    path.write_bytes(good + content + b"\n" if is_line else content)
    manifest = read_manifest(path)
    assert [recording.recording_id for recording in manifest.recordings] == (
        ["b"] if is_line else []
    )
    (reject,) = manifest.rejects
    assert reject.reason == reason
    assert reject.message.startswith(f"{path.name} row {2 if is_line else 1}: ")


@pytest.mark.parametrize("kind", bad_archives())
def test_archives_are_refused(tmp_path, kind):
    path = tmp_path / f"{kind}.zip"
    path.write_bytes(bad_archives()[kind])
    with (
        pytest.raises(InputError, match=f"{kind}.zip: "),
        opened_archive(path, ARCHIVE_LIMITS) as archive,
    ):
        for member in archive.members:
            archive.copy(member.name, io.BytesIO())
