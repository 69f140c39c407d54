"""Shards: assignment, bytes, resuming, and how others read them."""

import gc
import io
import json
import math
import os
import tarfile
import warnings
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import webdataset
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clips import cut_clips
from pipelines.shard_writer import remove_stale, sample_json, write_shard
from pipelines.shards import ShardGroup, plan_shard, plan_shards, shard_count
from schemas.errors import ArtifactError
from schemas.segment import TABLE_ONLY, ClipRef
from schemas.tables import INDEX_TABLE, segment_from_row
from tests.builders import make_segment

TRAIN = ShardGroup(True, "swh", "train")


def refs_of(count: int, **changes: object) -> list[ClipRef]:
    """Return references to clips that nobody cut."""
    segments = [make_segment(k, k + 1, **changes) for k in range(count)]
    return [ClipRef(s, "store/cut/x.pack", 7 * k, 7) for k, s in enumerate(segments)]


@pytest.fixture
def refs(tmp_path) -> list[ClipRef]:
    """Twelve clips of two recordings, really cut."""
    rng = np.random.default_rng(5)
    found = []
    for recording_id in ("rec-001", "rec-002"):
        waveform = rng.normal(0, 0.1, 7 * 16000).astype(np.float32)
        segments = [
            make_segment(k, k + 0.5, recording_id=recording_id, text=f"Neno {k}…")
            for k in range(6)
        ]
        pack = tmp_path / f"{recording_id}.pack"
        with pack.open("wb") as file:
            ranges = cut_clips(waveform, segments, file)
        found += [
            ClipRef(segment, str(pack), *place)
            for segment, place in zip(segments, ranges, strict=True)
        ]
    return found


def files_below(root: Path) -> dict[str, bytes]:
    paths = [path for path in root.rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def read_back(tars: list[str]) -> list[dict]:
    """Return the decoded samples of plain webdataset."""

    def decode_flac(data: bytes):
        return soundfile.read(io.BytesIO(data), dtype="float32")

    with warnings.catch_warnings():
        # webdataset leaves the closing of files to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        dataset = webdataset.WebDataset(tars, shardshuffle=False).decode(
            webdataset.handle_extension("flac", decode_flac)
        )
        samples = list(dataset)
        del dataset
        gc.collect()
    return samples


def write_all(refs, root: Path, samples_per_shard: int = 5) -> list[bool]:
    plans = plan_shards(refs, samples_per_shard)
    return [write_shard(plan, str(root)) for plan in plans]


def test_the_number_of_shards():
    assert [shard_count(n, 10) for n in (0, 1, 10, 11, 95)] == [1, 1, 1, 2, 10]


@given(
    count=st.integers(0, 40),
    samples_per_shard=st.integers(1, 15),
    shuffle=st.randoms(use_true_random=False),
)
def test_every_clip_is_in_one_shard_whatever_their_order(
    count, samples_per_shard, shuffle
):
    refs = refs_of(count)
    plans = plan_shards(refs, samples_per_shard)
    assert sorted(r.segment.key for p in plans for r in p.refs) == sorted(
        r.segment.key for r in refs
    )
    shuffle.shuffle(refs)
    again = plan_shards(refs, samples_per_shard)
    assert [(p.path, p.digest) for p in again] == [(p.path, p.digest) for p in plans]


def test_a_plan_is_named_by_all_that_its_bytes_depend_on():
    ref = refs_of(1)[0]
    digest = plan_shard(TRAIN, 0, [ref]).digest
    moved = replace(ref, pack="/elsewhere/x.pack")
    assert plan_shard(TRAIN, 0, [moved]).digest == digest
    others = [
        replace(ref, pack="store/cut/y.pack"),
        replace(ref, offset=1),
        replace(ref, length=8),
        replace(ref, segment=replace(ref.segment, licence="CC-BY-4.0")),
    ]
    digests = {plan_shard(TRAIN, 0, [other]).digest for other in others}
    digests |= {plan_shard(TRAIN, 1, [ref]).digest, digest}
    assert len(digests) == 6


def test_names_of_shards():
    labeled = refs_of(1, split="dev", language="srp-Cyrl")
    unlabeled = [replace(ref, labeled=False) for ref in refs_of(1)]
    paths = [plan.paths for plan in plan_shards(labeled + unlabeled, 1000)]
    folder = "shards/labeled/srp-Cyrl/dev"
    assert paths == [
        ("shards/unlabeled/swh/train/swh-train-000000.tar",
         "shards/unlabeled/swh/train/index-000000.parquet"),
        (f"{folder}/srp-Cyrl-dev-000000.tar", f"{folder}/index-000000.parquet"),
    ]  # fmt: skip


def test_a_key_that_comes_twice_is_a_bug():
    with pytest.raises(ValueError, match="rec-001_0000000_0001000 comes more than"):
        plan_shards(refs_of(1) * 2, 10)


def test_webdataset_reads_back_every_sample(refs, tmp_path):
    assert write_all(refs, tmp_path / "corpus") == [True, True, True]
    tars = sorted(map(str, tmp_path.glob("corpus/shards/labeled/swh/train/*.tar")))

    samples = {sample["__key__"]: sample for sample in read_back(tars)}
    assert set(samples) == {ref.segment.key for ref in refs}
    for ref in refs:
        sample = samples[ref.segment.key]
        audio, rate_hz = sample["flac"]
        assert (len(audio), rate_hz) == (8000, 16000)
        assert sample["txt"] == ref.segment.text
        back = segment_from_row(nan_for_null(sample["json"]))
        kept = {name: getattr(ref.segment, name) for name in TABLE_ONLY}
        assert replace(back, **kept) == ref.segment


def test_the_other_recordings_do_not_change_a_shard(refs):
    (ref, *_) = refs
    segment = replace(ref.segment, chars_per_sec_z=-1.5)
    moved = replace(ref, segment=segment)
    assert plan_shard(TRAIN, 0, [moved]).digest == plan_shard(TRAIN, 0, [ref]).digest
    assert sample_json(moved) == sample_json(ref)
    assert not [name for name in TABLE_ONLY if name.encode() in sample_json(ref)]


def nan_for_null(row: dict) -> dict:
    return {name: math.nan if v is None else v for name, v in row.items()}


def test_the_same_clips_give_the_same_bytes_in_any_order(refs, tmp_path):
    write_all(refs, tmp_path / "a")
    write_all(refs[::-1], tmp_path / "b")
    first = files_below(tmp_path / "a")
    assert first == files_below(tmp_path / "b")
    assert sum(name.endswith(".tar") for name in first) == 3


def test_members_carry_nothing_but_their_names_and_bytes(refs, tmp_path):
    write_shard(plan_shard(TRAIN, 0, refs), str(tmp_path))
    with tarfile.open(next(tmp_path.rglob("*.tar"))) as tar:
        members = tar.getmembers()
        assert tar.pax_headers == {}
    names = [member.name for member in members]
    assert names == sorted(names) and len(names) == 36
    for member in members:
        about = (member.mtime, member.uid, member.gid, member.uname, member.gname)
        assert about == (0, 0, 0, "", "")
        assert (member.mode, member.type) == (0o644, tarfile.REGTYPE)


def test_the_index_finds_each_sample(refs, tmp_path):
    write_all(refs, tmp_path)
    found = set()
    for path in tmp_path.rglob("index-*.parquet"):
        for entry in INDEX_TABLE.records(pq.read_table(path)):
            data = (tmp_path / entry.shard).read_bytes()
            sample = data[entry.offset : entry.offset + entry.length]
            with tarfile.open(fileobj=io.BytesIO(sample)) as tar:
                names = [f"{entry.key}.{suffix}" for suffix in ("flac", "json", "txt")]
                assert tar.getnames() == names
            found.add(entry.key)
    assert found == {ref.segment.key for ref in refs}


def test_a_long_key_is_read_back(refs, tmp_path):
    key = f"{'r' * 100}_0000000_0000500"
    ref = replace(refs[0], segment=replace(refs[0].segment, key=key))
    write_shard(plan_shard(TRAIN, 0, [ref]), str(tmp_path))
    tar = str(next(tmp_path.rglob("*.tar")))
    (sample,) = read_back([tar])
    assert (sample["__key__"], sample["txt"]) == (key, "Neno 0…")


def test_unlabeled_samples_have_text_only_if_there_is_some(refs, tmp_path):
    silent = replace(refs[0].segment, text="", words=(), score=math.nan)
    group = ShardGroup(False, "swh", "train")
    pair = [
        replace(refs[0], segment=silent, labeled=False),
        replace(refs[1], labeled=False),
    ]
    write_shard(plan_shard(group, 0, pair), str(tmp_path))
    with tarfile.open(
        tmp_path / "shards/unlabeled/swh/train/swh-train-000000.tar"
    ) as tar:
        suffixes = [name.split(".")[1] for name in tar.getnames()]
    assert suffixes == ["flac", "json", "flac", "json", "txt"]


def test_json_has_sorted_names_and_null_for_no_number():
    ref = refs_of(1, score=math.nan)[0]
    text = sample_json(ref).decode()
    row = json.loads(text)
    assert list(row) == sorted(row)
    assert row["score"] is None and row["words"][0]["score"] == -0.05
    assert row["text"] in text  # not escaped


def test_what_is_there_is_not_written_again(refs, tmp_path):
    write_all(refs, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.tar")}
    assert write_all(refs, tmp_path) == [False, False, False]
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.tar")}
    assert after == before


@pytest.mark.parametrize("damage", ["no tar", "short tar", "no index", "bad index"])
def test_a_damaged_shard_is_written_again(refs, tmp_path, damage):
    plan = plan_shard(TRAIN, 0, refs)
    write_shard(plan, str(tmp_path))
    whole = files_below(tmp_path / "shards")
    tar, index = (tmp_path / path for path in plan.paths)
    match damage:
        case "no tar":
            tar.unlink()
        case "short tar":
            os.truncate(tar, 10240)
        case "no index":
            index.unlink()
        case "bad index":
            index.write_bytes(b"PAR1 or not")
    assert write_shard(plan, str(tmp_path))
    assert files_below(tmp_path / "shards") == whole


def test_another_plan_replaces_the_shard(refs, tmp_path):
    write_shard(plan_shard(TRAIN, 0, refs), str(tmp_path))
    changed = [replace(r, segment=replace(r.segment, text="Tena.")) for r in refs]
    assert write_shard(plan_shard(TRAIN, 0, changed), str(tmp_path))
    assert write_shard(plan_shard(TRAIN, 0, refs), str(tmp_path))
    assert not write_shard(plan_shard(TRAIN, 0, refs), str(tmp_path))


def test_an_index_never_describes_another_tar(refs, tmp_path):
    """A run that dies while it replaces a tar leaves no index of the old one."""
    plan = plan_shard(TRAIN, 0, refs)
    write_shard(plan, str(tmp_path))
    broken = [*refs[:3], replace(refs[3], pack=str(tmp_path / "gone.pack"))]
    with pytest.raises(FileNotFoundError):
        write_shard(plan_shard(TRAIN, 0, broken), str(tmp_path))
    assert not (tmp_path / plan.paths[1]).exists()
    assert write_shard(plan, str(tmp_path))


def test_a_short_pack_stops_the_run(refs, tmp_path):
    pack = Path(refs[0].pack)
    os.truncate(pack, refs[5].offset + refs[5].length - 1)
    with pytest.raises(ArtifactError, match=r"rec-001\.pack: expected bytes"):
        write_shard(plan_shard(TRAIN, 0, refs), str(tmp_path))
    assert not list(tmp_path.rglob("*.tar"))


def test_shards_of_an_earlier_plan_are_removed(refs, tmp_path):
    write_all(refs, tmp_path, samples_per_shard=2)
    others = [replace(r, segment=replace(r.segment, split="dev")) for r in refs]
    write_all(others, tmp_path)
    plans = plan_shards(refs, 12)
    for plan in plans:
        write_shard(plan, str(tmp_path))
    mine = tmp_path / "shards" / "notes.txt"
    mine.write_text("keep me")
    removed = remove_stale(str(tmp_path), [p for plan in plans for p in plan.paths])
    left = set(files_below(tmp_path / "shards"))
    folder = "labeled/swh/train"
    assert left == {
        "notes.txt",
        f"{folder}/swh-train-000000.tar",
        f"{folder}/index-000000.parquet",
    }
    assert removed > 4
    assert not (tmp_path / "shards/labeled/swh/dev").exists()
    assert remove_stale(str(tmp_path / "nowhere"), []) == 0


def test_shards_go_to_any_file_system(refs, tmp_path):
    plan = plan_shard(TRAIN, 0, refs)
    root = f"memory://{tmp_path.name}"
    assert write_shard(plan, root) and not write_shard(plan, root)
    write_shard(plan, str(tmp_path))
    with fsspec.open(f"{root}/{plan.path}") as file:
        assert file.read() == (tmp_path / plan.path).read_bytes()
    assert remove_stale(root, plan.paths) == 0
    assert remove_stale(root, []) == 2
