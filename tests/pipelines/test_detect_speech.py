"""Audio without text, end to end: left over, unread, music alone, too little."""

import io
import json
import math
import tarfile
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aligner.audio import decode_audio
from pipelines import detect_speech
from pipelines.selections import read_selection
from pipelines.shards import find_sample
from pipelines.summary import summarise
from pipelines.tables import read_ledger, read_rejects, read_segments
from schemas.errors import ArtifactError
from schemas.segment import Fate
from tests.aligner.sounds_without_text import at_level, quiet, tune
from tests.pipelines.corpora import (
    SMALL_LANGUAGES,
    Speech,
    contents,
    run_plainly,
    states,
    write_corpus,
)

READ, UNREAD, PLAIN, TUNE = "swh-luk-001", "rus-jhn-001", "swh-mrk-001", "tune-001"
RATE_HZ = 16_000
FOREIGN_SEC = 12.0


def write_mixture(folder: Path, speech: Speech, settings: str = "") -> Path:
    """Write a corpus in which audio without text is of every kind.

    Somebody speaks of other things before the text of one recording; the text of
    another has no letter; one has no text; one is a tune.
    """
    rows = [speech.row(name) for name in (READ, UNREAD, PLAIN)]
    rows.append({**rows[2], "recording_id": TUNE, "audio": f"audio/{TUNE}.flac"})
    rows[0]["audio"] = "audio/longer.flac"
    for row in rows[2:]:
        row["text"] = row["text_format"] = ""
    toml = write_corpus(folder, speech, rows, settings)
    (folder / rows[1]["text"]).write_text("\\id JHN\n\\c 1\n\\v 1 …\n")
    reading = decode_audio(speech.audio(READ), max_hours=1)
    foreign = decode_audio(speech.audio(UNREAD), max_hours=1)
    foreign = foreign[: round(FOREIGN_SEC * RATE_HZ)]
    parts = [quiet(1), at_level(foreign, -20.0), quiet(1.5), reading]
    soundfile.write(folder / "audio/longer.flac", np.concatenate(parts), RATE_HZ)
    soundfile.write(folder / f"audio/{TUNE}.flac", tune(20), RATE_HZ)
    return toml


@pytest.fixture(scope="module")
def mixture(speech, tmp_path_factory) -> Path:
    toml = write_mixture(tmp_path_factory.mktemp("mixture"), speech)
    assert run_plainly(toml) == 2  # the text without a letter, the tune
    return toml.parent / "corpus"


def by_source(output: Path) -> dict[str, list]:
    found = defaultdict(list)
    for segment in read_segments(str(output)):
        found[segment.source].append(segment)
    return found


def test_every_second_of_audio_without_text_has_its_place(mixture):
    sources = by_source(mixture)
    assert set(sources) == {"", "star", "unread", "recording"}
    reading_sec = min(segment.start_sec for segment in sources[""])
    assert {s.recording_id for s in sources["star"]} == {READ}
    assert all(s.end_sec < reading_sec for s in sources["star"])
    spoken_sec = sum(s.duration_sec for s in sources["star"])
    assert FOREIGN_SEC - 2 < spoken_sec < FOREIGN_SEC + 2
    assert {s.recording_id for s in sources["unread"]} == {UNREAD}
    assert {s.recording_id for s in sources["recording"]} == {PLAIN}
    for source in ("star", "unread", "recording"):
        for segment in sources[source]:
            assert (segment.text, segment.words) == ("", ())
            assert 5.5 <= segment.duration_sec <= 30
            assert segment.speech_share > 0.5 and math.isfinite(segment.snr_db)
            assert math.isnan(segment.score) and math.isnan(segment.lid_score)
    # What is left over goes with its recording, and the weights had a say in it.
    assert {s.split for s in sources["star"]} == {s.split for s in sources[""]}
    assert {s.model_licence for s in sources["star"]} == {"Apache-2.0"}
    assert {s.model_licence for s in sources["unread"]} == {"none"}
    assert set(read_selection(str(mixture), "default")) == {
        segment.key for segment in sources[""]
    }


def test_rejects_stay_and_the_tune_is_named(mixture):
    rejects = {reject.key: reject for reject in read_rejects(str(mixture))}
    assert rejects[UNREAD].reason == "text_empty"
    assert (rejects[TUNE].reason, rejects[TUNE].stage) == ("no_speech", "speech")
    assert rejects[TUNE].message == (
        f"audio/{TUNE}.flac: expected speech in a recording without text, heard none "
        "in 20.0 s (100 % music, 0 % noise, 0 % silence); leave it out of the manifest "
        "if that is so"
    )


def test_the_ledger_tiles_every_recording_once(mixture, speech):
    entries = defaultdict(list)
    for entry in read_ledger(str(mixture)):
        entries[entry.recording].append(entry)
    assert set(entries) == {READ, UNREAD, PLAIN, TUNE}
    for own in entries.values():
        assert own[0].start_sec == 0
        assert all(a.end_sec == b.start_sec for a, b in pairwise(own))
    assert [(e.end_sec, e.reason) for e in entries[TUNE]] == [
        (20.0, "rejected:no_speech")
    ]
    for name in (UNREAD, PLAIN):
        assert entries[name][-1].end_sec == pytest.approx(
            speech.truths[name].duration_sec, abs=0.1
        )
        fates = {entry.fate for entry in entries[name]}
        assert fates == {Fate.UNLABELED, Fate.DROPPED}
        reasons = {e.reason for e in entries[name] if e.fate is Fate.DROPPED}
        assert reasons <= {"silence", "noise", "too_short"}
    kinds = [(e.fate, e.reason) for e in entries[READ]]
    assert (Fate.UNLABELED, "") in kinds and (Fate.LABELED, "") in kinds
    unlabeled = sorted(
        (e.recording, e.start_sec, e.end_sec)
        for own in entries.values()
        for e in own
        if e.fate is Fate.UNLABELED
    )
    assert unlabeled == sorted(
        (s.recording_id, s.start_sec, s.end_sec)
        for s in read_segments(str(mixture))
        if s.source
    )
    hours = sum(summary.unlabeled_hours for summary in summarise(str(mixture)))
    assert hours * 3600 == pytest.approx(
        sum(end - start for _, start, end in unlabeled)
    )


def test_samples_lie_where_language_lane_and_split_say(mixture):
    for segments in by_source(mixture).values():
        segment = segments[0]
        with tarfile.open(
            fileobj=io.BytesIO(find_sample(str(mixture), segment))
        ) as tar:
            row = json.load(tar.extractfile(f"{segment.key}.json"))
            flac = io.BytesIO(tar.extractfile(f"{segment.key}.flac").read())
        assert (row["source"], row["split"]) == (segment.source, segment.split)
        lane = "unlabeled" if segment.source else "labeled"
        folder = mixture / "shards" / lane / segment.language / segment.split
        assert list(folder.glob(f"{segment.language}-{segment.split}-*.tar"))
        samples, _ = soundfile.read(flac)
        assert len(samples) == round(segment.duration_sec * RATE_HZ)


def test_beam_writes_the_same_and_a_second_run_nothing(
    mixture, speech, forks, tmp_path
):
    toml = write_mixture(tmp_path, speech)
    ended = forks.run("run", toml, "--workers", 2)
    assert ended.status == 3, ended.stderr
    assert contents(tmp_path / "corpus") == contents(mixture)
    before = states(mixture / "store/speech") | states(mixture / "store/cut")
    run_plainly(mixture.parent / "corpus.toml")
    after = states(mixture / "store/speech") | states(mixture / "store/cut")
    assert after == before != {}


def test_without_harvest_only_recordings_without_text_are_cut(speech, tmp_path):
    settings = f"{SMALL_LANGUAGES}harvest = []\n"
    assert run_plainly(write_mixture(tmp_path, speech, settings)) == 2
    output = tmp_path / "corpus"
    assert set(by_source(output)) == {"", "recording"}
    reasons = defaultdict(set)
    for entry in read_ledger(str(output)):
        reasons[entry.recording].add(entry.reason)
    assert reasons[UNREAD] == {"rejected:text_empty"}
    assert "star" in reasons[READ]


def test_a_language_with_too_little_has_none_and_the_ledger_says_so(speech, tmp_path):
    settings = "[unlabeled]\nmin_language_minutes = 0.4\n"  # 24 s: Swahili has more
    assert run_plainly(write_mixture(tmp_path, speech, settings)) == 2
    output = tmp_path / "corpus"
    assert {s.language for s in read_segments(str(output)) if s.source} == {"swh"}
    assert not (output / "shards/unlabeled/rus").exists()
    dropped = {e.reason for e in read_ledger(str(output)) if e.recording == UNREAD}
    assert "language_too_small" in dropped
    assert "unlabeled" not in {
        str(e.fate) for e in read_ledger(str(output)) if e.recording == UNREAD
    }


def test_other_segments_leave_other_audio_over_and_damage_is_named(
    speech, tmp_path, monkeypatch
):
    toml = write_mixture(tmp_path, speech)
    store = tmp_path / "corpus/store/speech"
    assert run_plainly(toml) == 2
    before = len(list(store.rglob("*.json")))
    monkeypatch.setattr(detect_speech, "CUT_VERSION", 0)
    assert run_plainly(toml) == 2
    # Only of the recording with segments.
    assert len(list(store.rglob("*.json"))) == before + 1
    for path in store.rglob("*.json"):
        path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ArtifactError, match=r"store/speech/.*: damaged .*; delete it"):
        run_plainly(toml)
