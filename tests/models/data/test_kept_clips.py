"""Which clips a job may draw from: lanes, labels, selections, and what does not fit."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.data import BatchPlan, Clip, SpeechShards, epoch_batches
from models.data.kept_clips import clip_table
from schemas.errors import ArtifactError, ConfigError
from schemas.tables import INDEX_TABLE
from tests.models.data.labels import write_labels
from tests.models.shards import (
    flac_of,
    sample_key,
    shard_path,
    spoken_sample,
    write_selection,
    write_tar,
)

PLAN = BatchPlan(batch_sec=8.0, max_clip_sec=4.0)
READ, UNREAD = ("aiu", "ku"), ("ki", "kau")


def unlabeled_sample(words, source: str = "star") -> dict[str, bytes]:
    """A sample without text; long enough to be told from the others."""
    row = f'{{"source": "{source}", "language": "swh"}}'
    return {"flac": spoken_sample(words)["flac"], "json": row.encode()}


def write_lane(root, lane: str, sample, count: int = 4, split: str = "train") -> list:
    samples = {
        sample_key(f"swh-{lane}-{split}", k, sample): sample for k in range(count)
    }
    write_tar(shard_path(root, "swh", split, lane=lane), samples)
    return sorted(samples)


@pytest.fixture(scope="module")
def source_corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    labeled = write_lane(root, "labeled", spoken_sample(READ))
    unlabeled = write_lane(root, "unlabeled", unlabeled_sample(UNREAD))
    write_lane(root, "unlabeled", unlabeled_sample(UNREAD), 2, "dev")
    rus = {"rus-a_0000000_0000640": spoken_sample(["ki"])}
    write_tar(shard_path(root, "rus", "train"), rus)
    write_selection(
        root, "default", dict.fromkeys([*rus, *labeled], True), {"rus": 1, "swh": 4}
    )
    return root, labeled, unlabeled


@pytest.fixture
def corpus(source_corpus, tmp_path):
    root, labeled, unlabeled = source_corpus
    shutil.copytree(root, tmp_path / "corpus")
    return tmp_path / "corpus", labeled, unlabeled


def as_it_is(clips, rng) -> list[Clip]:
    return clips


def clips_of(*sources: SpeechShards) -> dict[str, Clip]:
    """Return the clips of one epoch, which are those of the shards read in order."""
    batches = epoch_batches(sources, PLAN, as_it_is)
    clips = {clip.key: clip for batch in batches for clip in batch}
    in_order = {clip.key: clip for one in sources for clip in one.in_order()}
    assert clips == in_order
    return clips


def test_the_unlabeled_lane_has_no_text(corpus):
    root, _, unlabeled = corpus
    shards = SpeechShards(corpus=root, lane="unlabeled", selection=None)
    clips = clips_of(shards)
    assert sorted(clips) == unlabeled
    told = {(clip.text, clip.source, clip.language) for clip in clips.values()}
    assert told == {("", "star", "swh")}


def test_labels_are_the_text_of_both_lanes(corpus):
    root, labeled, unlabeled = corpus
    texts = {key: f"TEXT {key}" for key in unlabeled[:3]}
    anew = {labeled[2]: "ANEW"}
    write_labels(root, "first", "swh", texts)
    write_labels(root, "first", "swh", anew, source="rejected", part=1)
    shards = SpeechShards(corpus=root, lane="unlabeled", selection=None, labels="first")
    clips = clips_of(shards)
    assert {key: clip.text for key, clip in clips.items()} == texts | anew
    assert clips[labeled[2]].source == "rejected"
    assert clips[unlabeled[0]].source == "star"
    # Other labels with the same clips are another stream.
    before = clip_table([shards], 0, 4).digest()
    write_labels(root, "first", "swh", {labeled[2]: "OTHER"}, part=1)
    assert clip_table([shards], 0, 4).digest() != before


def test_a_selection_of_labels_keeps_some(corpus):
    root, _, unlabeled = corpus
    write_labels(root, "first", "swh", dict.fromkeys(unlabeled, "A"))
    write_selection(root, "good", {key: key != unlabeled[0] for key in unlabeled})
    shards = SpeechShards(
        corpus=root, lane="unlabeled", selection="good", labels="first"
    )
    assert sorted(clips_of(shards)) == unlabeled[1:]


def test_several_sources_and_languages(corpus):
    root, labeled, unlabeled = corpus
    sources = [
        SpeechShards(corpus=root, language=("swh", "rus")),
        SpeechShards(corpus=root, lane="unlabeled", selection=None),
    ]
    assert set(clips_of(*sources)) == {*labeled, *unlabeled, "rus-a_0000000_0000640"}
    table = clip_table(sources, 0, 4)
    assert [(one.source, one.language) for one in table.strata] == [
        (0, "rus"), (0, "swh"), (1, "swh")
    ]  # fmt: skip
    only = SpeechShards(corpus=root, keys=frozenset(labeled[:2]))
    assert sorted(clips_of(only)) == labeled[:2]


def test_lengths_come_from_keys_and_limit_what_is_kept(corpus):
    root, _, _ = corpus
    shards = SpeechShards(corpus=root)
    lasts = {clip.key: clip.duration_sec for clip in shards.in_order()}
    table = clip_table([shards], 0, 4)
    assert sorted(table.duration_msec / 1000) == pytest.approx(sorted(lasts.values()))
    longer = clip_table([shards], 1.0, 4)
    assert (len(longer), longer.left_out) == (4, 1)
    with pytest.raises(ConfigError, match=r"2 to 4 s, found none \(5 are shorter"):
        clip_table([shards], 2.0, 4)


def test_a_corpus_may_move(corpus, tmp_path):
    root, _, _ = corpus
    digest = clip_table([SpeechShards(corpus=root)], 0, 4).digest()
    root.rename(tmp_path / "moved")
    moved = SpeechShards(corpus=tmp_path / "moved")
    assert clip_table([moved], 0, 4).digest() == digest


def test_what_is_not_there_is_named_with_what_is(corpus):
    root, _, unlabeled = corpus
    write_labels(root, "first", "swh", dict.fromkeys(unlabeled, "A"))
    lane = {"corpus": root, "lane": "unlabeled", "selection": None}
    for wrong, told in [
        ({"language": ("swh", "xyz")}, "no unlabeled clips of language xyz; there are"),
        ({"labels": "second"}, r"no finished labels 'second' \(there are: first\)"),
        ({"labels": "first", "language": "rus"}, "no labels/first clips of language"),
        ({"split": "test"}, "no shards/unlabeled/<language>/test/"),
    ]:
        with pytest.raises(ConfigError, match=told):
            clip_table([SpeechShards(**lane | wrong)], 0, 4)
    with pytest.raises(ConfigError, match='say lane="unlabeled"'):
        SpeechShards(corpus=root, labels="first")
    with pytest.raises(ConfigError, match="got 'both'"):
        SpeechShards(corpus=root, lane="both")  # type: ignore[arg-type]


def test_labels_and_selections_of_other_clips_are_told(corpus):
    root, _, unlabeled = corpus
    labels = {"corpus": root, "lane": "unlabeled", "labels": "first"}
    write_labels(root, "first", "swh", {unlabeled[1]: "A", "swh-gone_1_2": "B"})
    with pytest.raises(
        ArtifactError, match="1 of 2 have no clip in the shards, swh-gone_1_2 first"
    ):
        clip_table([SpeechShards(**labels, selection=None)], 0, 4)
    write_labels(root, "first", "swh", {unlabeled[1]: "A"})
    second = write_labels(root, "first", "swh", {unlabeled[1]: "B"}, part=1)
    with pytest.raises(ArtifactError, match="of swh: a key has two"):
        clip_table([SpeechShards(**labels, selection=None)], 0, 4)
    second.unlink()
    write_selection(root, "good", dict.fromkeys(unlabeled, True))
    with pytest.raises(ArtifactError, match=f"lack {unlabeled[0]} and 2 more"):
        clip_table([SpeechShards(**labels, selection="good")], 0, 4)
    write_selection(root, "good", {})
    with pytest.raises(ArtifactError, match=f"no verdict on {unlabeled[1]}"):
        clip_table([SpeechShards(**labels, selection="good")], 0, 4)
    with pytest.raises(ArtifactError, match=r"swh-train-000000.tar: the selection"):
        clip_table([SpeechShards(corpus=root, lane="unlabeled")], 0, 4)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("half", "swh-train-000000.tar: damaged shard .* bytes, not the"),
        ("no index", "swh-train-000000.tar: damaged shard .*index-000000.parquet"),
        ("bad index", "index-000000.parquet: damaged shard"),
        ("other table", "index-000000.parquet: expected table 'index'"),
        ("bad labels", "part-000000.parquet: damaged labels"),
        ("twice", r"swh-train-000000.tar and again in .*swh-train-000001.tar; say"),
        ("odd name", "shard.tar: expected a name like"),
        (
            "odd key",
            "<recording_id>_<start msec>_<end msec>, got 'swh-a'",
        ),
    ],
)
def test_damage_is_named_before_anything_is_read(damage, told, corpus):
    root, _, unlabeled = corpus
    tar = shard_path(root, "swh", "train", lane="unlabeled")
    index = tar.with_name("index-000000.parquet")
    labels = write_labels(root, "first", "swh", dict.fromkeys(unlabeled, "A"))
    if damage == "half":
        tar.write_bytes(tar.read_bytes()[: tar.stat().st_size // 2])
    elif damage == "no index":
        index.unlink()
    elif damage == "bad index":
        index.write_bytes(b"PAR1 and no more")
    elif damage == "other table":
        pq.write_table(pa.table({"key": ["a"]}), index)
    elif damage == "bad labels":
        labels.write_bytes(labels.read_bytes()[:100])
    elif damage == "twice":
        write_tar(
            tar.with_name("swh-train-000001.tar"),
            {unlabeled[2]: unlabeled_sample(UNREAD)},
        )
    elif damage == "odd name":
        tar.rename(tar.with_name("shard.tar"))
    else:
        labels.unlink()
        write_tar(tar, {"swh-a": unlabeled_sample(UNREAD)})
    name = "first" if damage == "bad labels" else None
    shards = SpeechShards(corpus=root, lane="unlabeled", selection=None, labels=name)
    with pytest.raises(ArtifactError, match=told):
        clip_table([shards], 0, 4)


def other_index(path, change) -> None:
    table = pq.read_table(path)
    entries = [change(entry) for entry in INDEX_TABLE.records(table)]
    made = INDEX_TABLE.table(entries).replace_schema_metadata(table.schema.metadata)
    pq.write_table(made, path)


TONE = 0.1 * np.sin(np.arange(16_000))


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"txt": None}, r"{key}: the shard .*swh-train-000000.tar lacks its \.txt"),
        ({"json": b"[1"}, r"{key}: damaged in its shard .*swh-train-000000.tar"),
        (
            {"flac": flac_of(TONE, 8000)},
            "{key}: expected 16 kHz mono, got 8000 .*swh-train-000000.tar",
        ),
        ({"flac": flac_of(TONE)}, "000000.tar: damaged .*{key} of 1.000 s, not 1.2"),
    ],
)
def test_a_damaged_sample_stops_the_epoch(changes, told, workers, corpus):
    root, labeled, _ = corpus
    made = spoken_sample(READ)
    changed = {
        name: data for name, data in (made | changes).items() if data is not None
    }
    key = labeled[1]
    samples = {one: changed if one == key else made for one in labeled}
    write_tar(shard_path(root, "swh", "train"), samples)
    shards = SpeechShards(corpus=root, language="swh")
    batches = epoch_batches([shards], PLAN, as_it_is, workers=workers)
    with pytest.raises(ArtifactError, match=told.format(key=key)):
        list(batches)


@pytest.mark.parametrize("shrinks", [True, False])
def test_a_shard_that_shrinks_or_vanishes_stops_the_epoch(shrinks, corpus):
    root, _, _ = corpus
    tar = shard_path(root, "swh", "train")
    plan = BatchPlan(batch_sec=1.5, max_clip_sec=1.5)
    shards = SpeechShards(corpus=root, language="swh")
    batches = epoch_batches([shards], plan, as_it_is)
    assert len(next(batches)) == 1
    if shrinks:
        tar.write_bytes(tar.read_bytes()[:2000])
    else:
        tar.unlink()
    told = "it ends before byte" if shrinks else "it is gone"
    with pytest.raises(ArtifactError, match=rf"000000\.tar: damaged shard .*{told}"):
        next(batches)
