"""Everything that can be wrong with a recording, in one corpus and one run."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.config import load_config
from pipelines.job import prepare_job
from pipelines.ledger import REJECTED
from pipelines.tables import (
    read_alignments,
    read_ledger,
    read_rejects,
    read_segments,
)
from schemas.alignment import VerseAlignment
from schemas.segment import Fate, Reject
from tests.aligner.sounds import bursts
from tests.pipelines.corpora import (
    Speech,
    contents,
    run_plainly,
    write_corpus,
    write_manifest,
)
from tests.pipelines.forks import Ended, Forks

GOOD = ("swh-mrk-001", "rus-jhn-001")
MARK = "swh-mrk-001"
NOT_SAID = ("—", "…!", "♪ ♪")
"""Verses without a letter or digit: the first, one in the middle, the last."""

# Why each is rejected and in which step, and how many seconds of it there are.
EXPECTED = {
    "missing-audio": ("fetch", "source_missing", None),
    "missing-text": ("fetch", "source_missing", 3.0),
    "empty-file": ("align", "audio_empty", None),
    "web-page": ("align", "audio_unreadable", None),
    "no-audio-at-all": ("speech", "audio_unreadable", None),
    "broken-off": ("align", "audio_truncated", "some"),
    "no-samples": ("align", "audio_empty", None),
    "silence": ("align", "audio_silent", 3.0),
    "silence-without-text": ("speech", "audio_silent", 3.0),
    "nothing-to-say": ("align", "text_empty", 3.0),
    "empty-text": ("align", "text_empty", 3.0),
    "text-too-long": ("align", "alignment_infeasible", 3.0),
    "undecodable-text": ("align", "text_unreadable", 3.0),
    "wrong-usfm": ("align", "text_malformed", 3.0),
    "eight-channels": ("align", "audio_format_absurd", None),
    "absurd-rate": ("align", "audio_format_absurd", None),
    "not-a-number": ("align", "audio_not_finite", 3.0),
    "unknown-language": ("manifest", "language_unknown", None),
    "leaves-the-folder": ("manifest", "source_refused", None),
    "twice": ("manifest", "duplicate_recording", None),
}


@dataclass(frozen=True)
class Outcome:
    ended: Ended
    output: Path
    rejects: list[Reject]


def _write_bad_audio(folder: Path, speech: Speech) -> None:
    sound = bursts(16_000, 3.0)
    soundfile.write(folder / "good.wav", sound, 16_000)
    (folder / "empty-file.mp3").touch()
    page = "<!DOCTYPE html><html><title>404</title>not here</html>\n" * 50
    (folder / "web-page.mp3").write_text(page)
    (folder / "no-audio-at-all.mp3").write_bytes(b"just words, again and again. " * 99)
    tagged = speech.audio(MARK).read_bytes()
    (folder / "broken-off.mp3").write_bytes(tagged[: len(tagged) * 3 // 5])
    soundfile.write(folder / "no-samples.wav", sound[:0], 16_000)
    soundfile.write(folder / "silence.wav", 0 * sound, 16_000)
    soundfile.write(folder / "silence-without-text.wav", 0 * sound, 16_000)
    soundfile.write(folder / "eight-channels.wav", np.stack([sound] * 8, 1), 16_000)
    with wave.open(str(folder / "absurd-rate.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(3_000_000)
        file.writeframes((sound * 20_000).astype("<i2").tobytes())
    sound[20_000] = np.nan
    soundfile.write(folder / "not-a-number.wav", sound, 16_000, subtype="FLOAT")


def _write_bad_texts(folder: Path) -> None:
    (folder / "good.txt").write_text("maji mengi\nmvua ndogo\n")
    (folder / "nothing-to-say.txt").write_text("—\n…\n!?\n")
    (folder / "empty-text.txt").write_text("\n \n")
    (folder / "text-too-long.txt").write_text("maneno mengi sana ya kusoma leo\n" * 90)
    (folder / "undecodable-text.txt").write_bytes(b"maji \xff\xfe\xfa mengi\n")
    (folder / "wrong-usfm.txt").write_text("no markers here, and no chapter\n")


def _bad_rows(folder: Path) -> list[dict[str, str]]:
    rows = []
    for name in EXPECTED:
        audio = next((folder / "audio").glob(f"{name}.*"), folder / "audio/good.wav")
        text = folder / f"text/{name}.txt"
        text = text if text.exists() else folder / "text/good.txt"
        rows.append(
            {
                "recording_id": name,
                "language": "swh",
                "audio": str(audio.relative_to(folder)),
                "text": str(text.relative_to(folder)),
                "book": "MAT",
                "chapter": "1",
            }
        )
    by_name = {row["recording_id"]: row for row in rows}
    by_name["missing-audio"]["audio"] = "audio/nowhere.mp3"
    by_name["missing-text"]["text"] = "text/nowhere.txt"
    by_name["no-audio-at-all"]["text"] = ""
    by_name["silence-without-text"]["text"] = ""
    by_name["wrong-usfm"]["text_format"] = "usfm"
    by_name["unknown-language"]["language"] = "xx1"
    by_name["leaves-the-folder"]["audio"] = "../../outside.mp3"
    return [*rows, {**by_name["twice"], "book": "LUK"}]


def _with_unsaid_verses(speech: Speech) -> str:
    first, middle, last = NOT_SAID
    verses = speech.verses(MARK)
    half = len(verses) // 2
    lines = [first, *verses[:half], middle, *verses[half:], last]
    return "".join(f"{line}\n" for line in lines)


def _write_all(folder: Path, speech: Speech) -> Path:
    toml = write_corpus(folder, speech, [])
    _write_bad_audio(folder / "audio", speech)
    _write_bad_texts(folder / "text")
    (folder / "text" / f"{MARK}.txt").write_text(_with_unsaid_verses(speech))
    rows = _bad_rows(folder)
    good = [speech.row(name) for name in GOOD]
    write_manifest(folder, [*rows[:7], good[0], *rows[7:], good[1]])
    return toml


@pytest.fixture(scope="module")
def outcome(speech: Speech, forks: Forks, tmp_path_factory) -> Outcome:
    folder = tmp_path_factory.mktemp("bad")
    ended = forks.run("run", _write_all(folder, speech), "--workers", 2)
    output = folder / "corpus"
    return Outcome(ended, output, list(read_rejects(str(output))))


def test_the_run_ends_with_status_3_and_without_a_traceback(outcome):
    assert outcome.ended.status == 3, outcome.ended.stderr
    assert "Traceback" not in outcome.ended.stderr
    assert "--rejects" in outcome.ended.stdout


def test_each_is_a_reject_with_its_step_reason_and_a_message_that_says_why(outcome):
    found = {row.key: (row.stage, row.reason) for row in outcome.rejects}
    assert found == {key: row[:2] for key, row in EXPECTED.items()}
    assert sum(row.key == "twice" for row in outcome.rejects) == 2
    for row in outcome.rejects:
        assert len(row.message) > 20
        assert row.language == ("" if row.key == "unknown-language" else "swh")


def test_messages_name_the_source_and_no_folder_of_this_machine(outcome):
    messages = {row.key: row.message for row in outcome.rejects}
    for key in ("missing-audio", "missing-text"):
        assert "nowhere" in messages[key]
    for key in ("web-page", "broken-off", "silence", "not-a-number", "eight-channels"):
        assert f"audio/{key}." in messages[key]
    folder = str(outcome.output.parent)
    assert not [text for key, text in messages.items() if folder in text]


def test_the_rest_goes_on(outcome):
    segments = list(read_segments(str(outcome.output)))
    assert {segment.recording_id for segment in segments} == set(GOOD)


def test_rows_are_recordings_with_results_and_rejects(outcome):
    toml = outcome.output.parent / "corpus.toml"
    rows = (outcome.output.parent / "recordings.csv").read_text().splitlines()[1:]
    recordings = prepare_job(load_config(toml)).recordings
    aligned = {row.recording_id for row in read_alignments(str(outcome.output))}
    assert aligned == set(GOOD)
    assert len(rows) == len(aligned) + len(outcome.rejects)
    assert {recording.recording_id for recording in recordings} >= aligned


def test_the_ledger_has_the_seconds_of_all_that_can_be_decoded(outcome):
    seconds: dict[str, float] = {}
    for entry in read_ledger(str(outcome.output)):
        if entry.recording in GOOD:
            continue
        assert entry.fate == Fate.DROPPED
        assert entry.reason == REJECTED + EXPECTED[entry.recording][1]
        assert entry.start_sec == 0
        seconds[entry.recording] = entry.end_sec
    broken_off = seconds.pop("broken-off")
    assert 8 < broken_off < 16
    assert seconds == {
        key: row[2] for key, row in EXPECTED.items() if isinstance(row[2], float)
    }


def _times(row: VerseAlignment) -> tuple:
    words = [(word.word, word.start_sec, word.end_sec) for word in row.words]
    return row.text, row.start_sec, row.end_sec, words


def test_verses_without_a_letter_stay_without_times_and_harm_no_neighbour(
    outcome, finished
):
    rows = [
        r.verse for r in read_alignments(str(outcome.output)) if r.recording_id == MARK
    ]
    untimed = [row for row in rows if np.isnan(row.start_sec)]
    assert [row.text for row in (rows[0], *untimed[1:-1], rows[-1])] == list(NOT_SAID)
    assert len(untimed) == 3
    assert all(np.isnan(row.score) and np.isnan(row.end_sec) for row in untimed)
    alone = [r.verse for r in read_alignments(str(finished)) if r.recording_id == MARK]
    timed = [row for row in rows if not np.isnan(row.start_sec)]
    assert [_times(row) for row in timed] == [_times(row) for row in alone]


def test_a_run_without_beam_says_the_same(outcome, speech, tmp_path):
    toml = _write_all(tmp_path, speech)
    assert run_plainly(toml) == len(outcome.rejects)
    assert contents(tmp_path / "corpus") == contents(outcome.output)
