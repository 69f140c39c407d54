"""Shards of a selection: the bytes of the corpus's own, resumed, and never stale."""

import io
import json
import os
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from models.data import SpeechShards
from pipelines.clips import cut_clips
from pipelines.criteria import Criteria, Rule
from pipelines.materialise import materialise
from pipelines.select import select_segments
from pipelines.selections import read_selection
from pipelines.shard_writer import remove_stale, write_shard
from pipelines.shards import find_sample, plan_shards
from pipelines.tables import write_rows
from schemas.errors import ArtifactError, ConfigError
from schemas.segment import ClipRef
from schemas.tables import SEGMENT_TABLE
from tests.builders import make_segment

PER_SHARD = 4


@pytest.fixture
def refs(tmp_path):
    """Clips of two languages and two splits, scores 0 to 0.9."""
    rng = np.random.default_rng(5)
    found = []
    for language, split, count in (
        ("swh", "train", 10),
        ("swh", "dev", 3),
        ("quz", "train", 6),
    ):
        recording_id = f"{language}-{split}" if count != 3 else f"{'r' * 90}"
        segments = [
            make_segment(
                k, k + 0.25, recording_id=recording_id, language=language,
                split=split, score=k / 10, text=f"Neno {k}…",
            )
            for k in range(count)
        ]  # fmt: skip
        waveform = rng.normal(0, 0.1, 16000 * count).astype(np.float32)
        pack = tmp_path / f"{language}-{split}.pack"
        with pack.open("wb") as file:
            places = cut_clips(waveform, segments, file)
        found += [
            ClipRef(segment, str(pack), *place)
            for segment, place in zip(segments, places, strict=True)
        ]
    return found


def write_corpus(root, refs):
    """Write shards and segments as a run does."""
    plans = plan_shards(refs, PER_SHARD)
    for plan in plans:
        write_shard(plan, str(root))
    remove_stale(str(root), [path for plan in plans for path in plan.paths])
    for language in ("quz", "swh"):
        own = [ref.segment for ref in refs if ref.segment.language == language]
        write_rows(str(root), SEGMENT_TABLE, own, language)


@pytest.fixture
def corpus(refs, tmp_path):
    root = tmp_path / "corpus"
    write_corpus(root, refs)
    select(root, "all", "true")
    select(root, "high", "score > 0.35")
    return root


def select(root, name, where):
    select_segments(str(root), name, Criteria((Rule(where),)))


def make(root, name="high"):
    return materialise(str(root), name, PER_SHARD)


def tars(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*.tar")
    }


def states(folder):
    return {
        path: (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in (folder / "shards").rglob("*.*")
    }


def test_keeping_everything_gives_the_same_shards(corpus):
    made = make(corpus, "all")
    assert made.samples == 19 and made.shards == made.written > 5
    copies = tars(corpus / "selected/all")
    assert copies == {
        path: data for path, data in tars(corpus).items() if "selected" not in path
    }


def test_samples_are_those_that_are_kept_byte_for_byte(corpus, refs):
    made = make(corpus)
    kept = {k for k, v in read_selection(str(corpus), "high").items() if v.keep}
    assert made.samples == len(kept) == 8
    folder = corpus / "selected/high"
    found = {}
    for path, data in tars(folder).items():
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar.getmembers():
                file = tar.extractfile(member)
                found.setdefault(member.name.split(".")[0], []).append(path)
                assert file.read() and member.mtime == 0
        assert len(data) % tarfile.RECORDSIZE == 0
    assert set(found) == kept
    for ref in refs:
        if ref.segment.key in kept:  # the index finds what the corpus has
            own = find_sample(str(corpus), ref.segment)
            assert find_sample(str(folder), ref.segment) == own
    summary = json.loads((folder / "selection.json").read_text())
    assert summary == json.loads((corpus / "selections/high.json").read_text())


def test_the_loader_reads_them_like_any_shards(corpus):
    make(corpus)
    copies = SpeechShards(corpus=corpus / "selected/high", selection=None)
    originals = SpeechShards(corpus=corpus, selection="high")
    found = [{c.key: (c.flac, c.text, c.row) for c in shards.in_order()}
             for shards in (copies, originals)]  # fmt: skip
    assert found[0] == found[1] and len(found[0]) == 8


def test_what_is_there_is_not_written_again(corpus):
    make(corpus)
    folder = corpus / "selected/high"
    before, bytes_before = states(folder), tars(folder)
    again = make(corpus)
    assert (again.written, again.removed_files) == (0, 0)
    assert states(folder) == before
    victim = sorted(folder.rglob("*.tar"))[0]
    os.truncate(victim, 10240)  # a shard that was broken off is made again, alone
    assert make(corpus).written == 1
    assert tars(folder) == bytes_before


def test_shards_of_earlier_versions_are_removed(corpus):
    make(corpus)
    select(corpus, "high", "score > 0.75")
    made = make(corpus)
    assert made.samples == 2 and made.removed_files > 0
    fresh = tars(corpus / "selected/high")
    select(corpus, "other", "score > 0.75")
    make(corpus, "other")
    assert tars(corpus / "selected/other") == fresh


def test_a_changed_sample_is_copied_again(corpus, refs):
    make(corpus, "all")
    changed = [
        replace(r, segment=replace(r.segment, text="Jipya.")) if k == 0 else r
        for k, r in enumerate(refs)
    ]
    write_corpus(corpus, changed)
    assert make(corpus, "all").written == 1
    assert tars(corpus / "selected/all") == {
        path: data for path, data in tars(corpus).items() if "selected" not in path
    }


def test_a_selection_of_other_segments_is_refused(corpus, refs):
    write_corpus(corpus, refs[1:])
    with pytest.raises(ArtifactError, match="0 samples have no verdict and 1 verdicts"):
        make(corpus)
    select(corpus, "high", "score > 0.35")
    write_corpus(corpus, refs)
    with pytest.raises(ArtifactError, match=r"swh 1 samples have .*swh-train_0000000"):
        make(corpus)
    assert not (corpus / "selected").exists()


@pytest.mark.parametrize("damage", ["missing", "short", "other bytes"])
def test_a_shard_of_the_corpus_that_is_not_whole_is_named(damage, corpus):
    path = sorted(corpus.glob("shards/labeled/swh/train/*.tar"))[0]
    if damage == "missing":
        path.unlink()
    elif damage == "short":
        os.truncate(path, 10240)
    else:
        path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(ArtifactError, match=rf"{path.name}: .*say `pericope run`"):
        make(corpus, "all")


def test_a_selection_must_be_there_and_keep_something(corpus):
    with pytest.raises(ConfigError, match="there is no selection 'none'"):
        make(corpus, "none")
    criteria = Criteria((Rule("score > 5"),))
    select_segments(str(corpus), "empty", criteria, allow_empty=True)
    with pytest.raises(ConfigError, match="'empty': it keeps nothing"):
        make(corpus, "empty")


def test_the_command(corpus, command, tmp_path):
    toml = tmp_path / "corpus.toml"
    toml.write_text(
        '[corpus]\nname = "test"\nmanifest = "r.csv"\noutput = "corpus"\n'
        f"[shards]\nsamples_per_shard = {PER_SHARD}\n"
    )
    done = command("shards", toml, "high")
    assert done.status == 0, done.err
    assert "high: 8 samples in" in done.out
    assert json.loads(command("shards", toml, "high", "--json").out)["written"] == 0
    assert command("shards", toml, "nowhere").status == 2
