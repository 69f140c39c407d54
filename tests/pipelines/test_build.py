"""The whole way of the data: Beam and a plain list agree, and what comes out."""

import gc
import io
import json
import math
import re
import warnings
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import soundfile
import webdataset

from pipelines.selections import read_selection
from pipelines.tables import (
    read_alignments,
    read_ledger,
    read_rejects,
    read_segments,
)
from schemas.segment import Fate
from schemas.units import SAMPLE_RATE_HZ
from tests.pipelines.corpora import contents, run_plainly, write_corpus

UNLABELED = "swh-luk-001"

# Design of a corpus on disk: nothing else may be there.
LAYOUT = re.compile(
    r"""corpus\.json
    | store/(fetch|align|cut|emissions|score|opinion|speech)/
      (?P<aa>[0-9a-f]{2})/(?P=aa)[0-9a-f]{62}
      (\.json|\.npz|\.npy|\.pack)
    | logs/\d{8}T\d{12}Z-[a-z]+-[0-9a-f]{4}\.jsonl
    | store/[a-z]+/digests\.txt
    | digests/(alignments|segments|ledger|rejects|calibration|selections|shards|corpus)
      \.txt
    | (alignments|segments)/language=[a-z]{3}/part-\d{5}\.parquet
    | calibration/[a-z]{3}\.json
    | ledger/part-[a-z]{3}-\d{5}\.parquet
    | rejects/part-\d{5}\.parquet
    | selections/default\.(parquet|json)
    | shards/(labeled|unlabeled)/(?P<code>[a-z]{3})/(?P<split>train|dev|test)/
      ((?P=code)-(?P=split)-\d{6}\.tar|index-\d{6}\.parquet)""",
    re.VERBOSE,
)


def _samples(output: Path, kind: str) -> list[tuple[Path, dict]]:
    """Read all shards of a kind with plain webdataset."""
    with warnings.catch_warnings():
        # It leaves the closing of files to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        found = [
            (shard, sample)
            for shard in sorted((output / "shards" / kind).rglob("*.tar"))
            for sample in webdataset.WebDataset(str(shard), shardshuffle=False)
        ]
        gc.collect()
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_beam_writes_what_a_plain_list_writes(
    workers, finished, speech, forks, tmp_path
):
    """In memory with one worker, on threads with two; and in another folder."""
    toml = write_corpus(tmp_path, speech, speech.rows(unlabeled=(UNLABELED,)))
    ended = forks.run("run", toml, "--workers", workers, "--json")
    assert ended.status == 0, ended.stderr
    assert contents(tmp_path / "corpus") == contents(finished)
    stages = json.loads(ended.stdout)["stages"]
    assert set(stages) == {"fetch", "align", "score", "speech", "cut"}
    assert all(counted["in"] == counted["done"] == 3 for counted in stages.values())
    seconds = sum(e.end_sec - e.start_sec for e in read_ledger(str(finished)))
    assert stages["cut"]["audio_msec"] / 1000 == pytest.approx(seconds, abs=0.01)


def test_the_layout_is_the_agreed_one(finished):
    paths = [p.relative_to(finished) for p in finished.rglob("*") if p.is_file()]
    assert [str(p) for p in paths if not LAYOUT.fullmatch(p.as_posix())] == []
    tops = {path.parts[0] for path in paths}
    assert tops - {"logs"} == {
        *("corpus.json", "store", "alignments", "segments", "selections"),
        *("shards", "ledger", "rejects", "digests"),
    }


def test_labeled_shards_are_plain_webdataset(finished):
    segments = {s.key: s for s in read_segments(str(finished)) if s.text}
    found = _samples(finished, "labeled")
    assert sorted(sample["__key__"] for _, sample in found) == sorted(segments)
    for shard, sample in found:
        segment = segments[sample["__key__"]]
        assert {key for key in sample if not key.startswith("__")} == {
            *("flac", "txt", "json")
        }
        assert sample["txt"].decode() == segment.text
        samples, rate_hz = soundfile.read(io.BytesIO(sample["flac"]))
        assert rate_hz == SAMPLE_RATE_HZ
        assert samples.ndim == 1
        assert len(samples) == round(segment.duration_sec * SAMPLE_RATE_HZ)
        assert samples.std() > 0.01
        row = json.loads(sample["json"])
        assert row["recording_id"] == segment.recording_id
        assert row["split"] == segment.split == shard.parent.name
        assert row["language"] == shard.parent.parent.name


def test_the_text_of_a_clip_is_the_original(finished, speech):
    """Digits and punctuation are kept, and together the clips have every verse."""
    for recording_id in ("swh-mrk-001", "rus-jhn-001"):
        texts = [
            sample["txt"].decode()
            for _, sample in _samples(finished, "labeled")
            if sample["__key__"].startswith(recording_id)
        ]
        assert " ".join(texts) == " ".join(speech.verses(recording_id))
    together = " ".join(speech.verses("swh-mrk-001"))
    assert re.search(r"\d", together)
    assert re.search(r"[.,!?;]", together)


def test_every_clip_has_its_qualities(finished):
    for segment in read_segments(str(finished)):
        assert segment.snr_db > 30  # espeak-ng pauses in silence
        assert segment.clipped_share == 0.0
        assert 0.02 < segment.silence_share < 0.7
        assert 0.0 < segment.music < 0.6
        assert math.isnan(segment.chars_per_sec_z)  # fewer than 20 clips
        if segment.text:
            assert (segment.repeated_share, segment.script_share) == (0.0, 1.0)
            assert segment.script == ("Cyrl" if segment.language == "rus" else "Latn")
        else:
            assert segment.script == ""
            assert math.isnan(segment.repeated_share + segment.script_share)


def test_shards_are_indexed(finished):
    for shard in (finished / "shards").rglob("*.tar"):
        name = shard.stem.rpartition("-")[2]
        index = pq.read_table(shard.parent / f"index-{name}.parquet").to_pylist()
        data = shard.read_bytes()
        for row in index:
            assert row["shard"] == shard.relative_to(finished).as_posix()
            assert data[row["offset"] :].startswith(row["key"].encode())


def test_a_recording_without_text_becomes_unlabeled_shards(finished):
    found = _samples(finished, "unlabeled")
    assert found
    for _, sample in found:
        assert {key for key in sample if not key.startswith("__")} == {"flac", "json"}
        row = json.loads(sample["json"])
        assert row["recording_id"] == UNLABELED
        assert (row["split"], row["source"], row["text"]) == ("train", "recording", "")
        assert row["score"] is None and row["lid_score"] is None
        assert 0.6 < row["speech_share"] <= 1
        assert 5.5 <= row["duration_sec"] <= 30
    entries = [e for e in read_ledger(str(finished)) if e.recording == UNLABELED]
    assert Fate.UNLABELED in {entry.fate for entry in entries}
    assert Fate.LABELED not in {entry.fate for entry in entries}


def test_the_ledger_tiles_every_recording(finished, speech):
    by_recording: dict[str, list] = {}
    for entry in read_ledger(str(finished)):
        by_recording.setdefault(entry.recording, []).append(entry)
    assert set(by_recording) == {row["recording_id"] for row in speech.rows()}
    for recording_id, entries in by_recording.items():
        assert entries[0].start_sec == 0
        assert all(a.end_sec == b.start_sec for a, b in pairwise(entries))
        assert all(e.start_sec < e.end_sec for e in entries)
        assert all(bool(e.reason) == (e.fate == Fate.DROPPED) for e in entries)
        # Encoders add up to a tenth of a second to what was said.
        duration_sec = speech.truths[recording_id].duration_sec
        assert entries[-1].end_sec == pytest.approx(duration_sec, abs=0.1)
        total = math.fsum(e.end_sec - e.start_sec for e in entries)
        assert total == pytest.approx(entries[-1].end_sec, abs=1e-9)


def test_labeled_seconds_of_the_ledger_are_the_segments_kept(finished):
    kept = read_selection(str(finished), "default")
    segments = [s for s in read_segments(str(finished)) if s.text]
    assert sorted(kept) == sorted(segment.key for segment in segments)
    labeled = [
        (e.recording, e.start_sec, e.end_sec)
        for e in read_ledger(str(finished))
        if e.fate == Fate.LABELED
    ]
    assert sorted(labeled) == sorted(
        (s.recording_id, s.start_sec, s.end_sec) for s in segments if kept[s.key].keep
    )


def test_alignments_have_every_verse_as_written(finished, speech):
    for recording_id in ("swh-mrk-001", "rus-jhn-001"):
        rows = [
            row for row in read_alignments(str(finished))
            if row.recording_id == recording_id
        ]  # fmt: skip
        assert [row.verse.text for row in rows] == speech.verses(recording_id)
        assert {(row.book, row.chapter) for row in rows} == {
            (recording_id.split("-")[1].upper(), 1)
        }
        assert all(0 < row.verse.start_sec < row.verse.end_sec for row in rows)


def test_corpus_json_says_what_it_was_made_of(finished):
    text = (finished / "corpus.json").read_text()
    document = json.loads(text)
    assert document["name"] == "test"
    assert document["model"]["name"] == "bundled"
    assert document["model"]["licence"] == "Apache-2.0"
    assert -5 < document["model"]["score_threshold"] < 0
    assert re.fullmatch("[0-9a-f]{64}", document["model"]["fingerprint"])
    assert re.fullmatch("[0-9a-f]{64}", document["manifest_sha256"])
    assert document["configuration"]["segment"]["target_sec"] == 12
    assert document["languages"]["swh"]["recordings"] == 2
    assert document["languages"]["rus"]["rejects"] == 0
    assert str(finished.parent) not in text  # nothing depends on the place


def test_every_segment_names_the_licence_of_its_model(finished):
    licences = {(bool(s.text), s.model_licence) for s in read_segments(str(finished))}
    assert licences == {(True, "Apache-2.0"), (False, "none")}


def test_verse_bridges_and_own_selections(speech, tmp_path, caplog):
    rows = [speech.row(UNLABELED)]
    settings = (
        '[segment]\nmode = "verse"\n[select.default]\nscore = { min = 1 }\n'
        "[select.everything]\nscore = -1000.0\n[shards]\nsamples_per_shard = 1\n"
    )
    toml = write_corpus(tmp_path, speech, rows, settings)
    first, second, *others = speech.verses(UNLABELED)
    lines = [f"1-2\t{first} {second}", *(f"{k}\t{v}" for k, v in enumerate(others, 3))]
    (tmp_path / rows[0]["text"]).write_text("\n".join(lines))
    assert run_plainly(toml) == 0
    output = str(tmp_path / "corpus")
    segments = list(read_segments(output))
    assert {s.verses for s in segments} == {line.split("\t")[0] for line in lines}
    bridge = next(s for s in segments if s.verses == "1-2")
    assert bridge.text == f"{first} {second}"
    # No score is above 0, so nothing is labeled by the selection called default.
    told = "selection default: rule 'score >= 1.0e0' holds for none of"
    assert told in caplog.text and "selection everything" not in caplog.text
    assert not any(v.keep for v in read_selection(output, "default").values())
    assert all(v.keep for v in read_selection(output, "everything").values())
    ledger = list(read_ledger(output))
    assert Fate.LABELED not in {entry.fate for entry in ledger}
    assert "score_below_threshold" in {entry.reason for entry in ledger}
    shards = list((tmp_path / "corpus/shards").rglob("*.tar"))
    assert 1 < len(shards) <= len(segments)
    # Shards made otherwise vanish when they are no longer those of the corpus.
    text = toml.read_text().replace("per_shard = 1", "per_shard = 1000")
    median_sec = sorted(s.duration_sec for s in segments)[len(segments) // 2]
    rule = f'where = {{ long = "duration_sec > {median_sec}" }}'
    toml.write_text(text.replace("score = { min = 1 }", rule))
    assert run_plainly(toml) == 0
    # The ledger follows the rules of the selection called default.
    kept = {key for key, v in read_selection(output, "default").items() if v.keep}
    lengths = [s.duration_sec for s in segments if s.duration_sec > median_sec]
    assert len(kept) == len(lengths) > 0
    ledger = list(read_ledger(output))
    labeled = [e.end_sec - e.start_sec for e in ledger if e.fate is Fate.LABELED]
    assert sorted(labeled) == pytest.approx(sorted(lengths), abs=0.002)
    assert "long" in {entry.reason for entry in ledger}
    assert len(list((tmp_path / "corpus/shards").rglob("*.*"))) == 2


def test_what_left_the_manifest_leaves_the_corpus(finished, speech, tmp_path):
    """A language, and with it the only unlabeled recordings."""
    rows = speech.rows(unlabeled=(UNLABELED,))
    toml = write_corpus(tmp_path, speech, rows)
    assert run_plainly(toml) == 0
    only = [row for row in rows if row["recording_id"] == "swh-mrk-001"]
    write_corpus(tmp_path, speech, only)
    assert run_plainly(toml) == 0
    fresh = tmp_path / "fresh"
    assert run_plainly(write_corpus(fresh, speech, only)) == 0
    now = contents(tmp_path / "corpus")
    results = {path: now[path] for path in now if not path.startswith("store/")}
    expected = contents(fresh / "corpus")
    assert results == {p: expected[p] for p in expected if not p.startswith("store/")}
    assert not (tmp_path / "corpus/shards/unlabeled").exists()


def test_a_language_without_any_text(speech, forks, tmp_path):
    toml = write_corpus(
        tmp_path, speech, speech.rows(unlabeled=[j.recording_id for j in speech.jobs])
    )
    ended = forks.run("run", toml, "--workers", 2)
    assert ended.status == 0, ended.stderr
    output = tmp_path / "corpus"
    assert not (output / "shards/labeled").exists()
    assert {s.language for s in read_segments(str(output))} == {"swh", "rus"}
    assert read_selection(str(output), "default") == {}
    assert list(read_alignments(str(output))) == []
    assert json.loads((output / "corpus.json").read_text())["model"] == {
        "name": "bundled",
        "fingerprint": "none",
        "licence": "",
        "score_threshold": 0.0,
    }


@pytest.mark.parametrize("runner", ["plain", "FnApiRunner"])
def test_a_corpus_of_rejects_alone_is_finished_and_readable(
    runner, speech, forks, tmp_path
):
    rows = [{**row, "audio": "audio/nowhere.mp3"} for row in speech.rows(unlabeled=[])]
    toml = write_corpus(tmp_path, speech, rows)
    ended = forks.run("run", toml, "--runner", runner)
    assert ended.status == 3, ended.stderr
    assert "Traceback" not in ended.stderr
    output = str(tmp_path / "corpus")
    assert [r.reason for r in read_rejects(output)] == ["source_missing"] * 3
    assert read_selection(output, "default") == {}
    assert json.loads(Path(output, "corpus.json").read_text())["languages"]
    for options in ([], ["--rejects"]):
        assert forks.run("inspect", output, *options).status == 0
