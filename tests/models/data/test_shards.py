"""Shards as a stream: every kept clip once, in an order that the seed decides."""

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import webdataset

from models.data import SpeechShards, parse_clip
from schemas.errors import ArtifactError, ConfigError
from tests.models.shards import (
    flac_of,
    shard_path,
    spoken_sample,
    write_selection,
    write_tar,
)

KEYS = {
    ("swh", 0): [f"swh-a_{k:07d}_{k + 1:07d}" for k in range(7)],
    ("swh", 1): [f"swh-b_{k:07d}_{k + 1:07d}" for k in range(5)],
    ("rus", 0): [f"rus-a_{k:07d}_{k + 1:07d}" for k in range(6)],
}
ALL = sorted(key for keys in KEYS.values() for key in keys)
REFUSED = {ALL[0], ALL[4], ALL[-1]}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus [1] {a}")  # no pattern, no braces expanded
    for (language, number), keys in KEYS.items():
        path = shard_path(root, language, "train", number)
        words = ["aiu", "ku"]
        write_tar(path, {key: spoken_sample(words) for key in keys})
    write_tar(shard_path(root, "swh", "dev"), {"swh-d_1_2": spoken_sample(["ka"])})
    write_selection(root, "default", {key: key not in REFUSED for key in ALL})
    write_selection(root, "nothing", dict.fromkeys(ALL, False))
    return root


def keys_of(clips) -> list[str]:
    return [clip.key for clip in clips]


@pytest.mark.parametrize("buffer", [1, 4, 64])
@pytest.mark.parametrize("seed", [0, 1])
def test_an_epoch_has_every_kept_clip_once(seed, buffer, corpus):
    shards = SpeechShards(corpus=corpus, shuffle_buffer=buffer)
    assert Counter(keys_of(shards.epoch(seed))) == Counter(set(ALL) - REFUSED)


def test_without_a_selection_every_clip_is_kept(corpus):
    shards = SpeechShards(corpus=corpus, selection=None)
    assert sorted(keys_of(shards.epoch(0))) == ALL
    assert sorted(keys_of(shards.in_order())) == ALL


def test_one_language_of_all_splits_and_only_some_keys(corpus):
    swh = SpeechShards(corpus=corpus, split="*", selection=None, language="swh")
    assert sorted(keys_of(swh.in_order())) == sorted(
        ["swh-d_1_2", *(key for key in ALL if key.startswith("swh"))]
    )
    some = frozenset({ALL[0], ALL[1], "swh-d_1_2"})
    chosen = SpeechShards(corpus=corpus, split="*", selection=None, keys=some)
    assert set(keys_of(chosen.epoch(0))) == some
    # What the selection refuses is refused all the same.
    kept = SpeechShards(corpus=corpus, keys=frozenset(ALL[:2]))
    assert keys_of(kept.in_order()) == [ALL[1]]
    with pytest.raises(ConfigError, match=r"language tur; there are rus, swh"):
        SpeechShards(corpus=corpus, language="tur").tars()


def test_a_selection_may_keep_nothing(corpus):
    shards = SpeechShards(corpus=corpus, selection="nothing")
    assert keys_of(shards.epoch(0)) == keys_of(shards.in_order()) == []


def test_the_order_depends_on_the_seed_alone(corpus):
    shards = SpeechShards(corpus=corpus)
    np.random.seed(1)
    first = keys_of(shards.epoch(5))
    np.random.seed(2)
    assert keys_of(SpeechShards(corpus=corpus).epoch(5)) == first
    orders = {tuple(keys_of(shards.epoch(seed))) for seed in range(6)}
    assert len(orders) == 6
    languages = [key[:3] for key in first]
    assert languages not in (sorted(languages), sorted(languages, reverse=True))


def test_in_order_is_the_order_of_shards_and_keys(corpus):
    keys = keys_of(SpeechShards(corpus=corpus, selection=None).in_order())
    assert keys == [key for group in sorted(KEYS) for key in KEYS[group]]


def test_a_clip_is_what_went_in(corpus):
    clip = next(iter(SpeechShards(corpus=corpus, split="dev", selection=None).epoch(0)))
    made = spoken_sample(["ka"])
    assert clip.key == "swh-d_1_2"
    assert clip.text == "KA"
    assert clip.row == json.loads(made["json"])
    assert clip.samples.dtype == np.float32
    assert clip.duration_sec == len(clip.samples) / 16_000 == 0.64
    assert 0.15 < np.abs(clip.samples).max() < 0.25


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)  # it leaves files open
def test_plain_webdataset_reads_the_same_samples(corpus):
    path = str(shard_path(corpus, "rus", "train"))
    stream = webdataset.WebDataset([path], shardshuffle=False)
    assert [raw["__key__"] for raw in stream] == KEYS["rus", 0]


def test_a_corpus_without_shards_is_a_wrong_setting(corpus, tmp_path):
    for shards in (
        SpeechShards(corpus=tmp_path),
        SpeechShards(corpus=corpus, split="test"),
    ):
        with pytest.raises(ConfigError, match=r"no shards/labeled/.*pericope run"):
            shards.tars()


def test_an_unknown_selection_is_a_wrong_setting(corpus):
    with pytest.raises(ConfigError, match=r"strict\.parquet: there is no selection"):
        next(SpeechShards(corpus=corpus, selection="strict").epoch(0))


@pytest.mark.parametrize("kind", ["no parquet", "other columns"])
def test_a_damaged_selection_is_named(kind, corpus, tmp_path):
    write_tar(shard_path(tmp_path, "swh", "train"), {"a_1_2": spoken_sample(["a"])})
    write_selection(tmp_path, "default", {"a_1_2": True})
    path = tmp_path / "selections" / "default.parquet"
    if kind == "no parquet":
        path.write_bytes(b"PAR1 and no more")
    else:
        pq.write_table(pa.table({"key": ["a_1_2"]}), path)
    told = {"no parquet": "damaged selection", "other columns": "no table of pericope"}
    with pytest.raises(ArtifactError, match=rf"default\.parquet: .*{told[kind]}"):
        next(SpeechShards(corpus=tmp_path).epoch(0))


def test_a_selection_of_other_segments_is_told(tmp_path):
    write_tar(shard_path(tmp_path, "swh", "train"), {"a_1_2": spoken_sample(["a"])})
    write_selection(tmp_path, "default", {"a_1_3": True})
    with pytest.raises(ArtifactError, match=r"'default' has no verdict on a_1_2"):
        next(SpeechShards(corpus=tmp_path).epoch(0))


def raw(**changes: bytes | None) -> dict:
    members = {**spoken_sample(["aiu", "ku"]), **changes}
    present = {name: data for name, data in members.items() if data is not None}
    return {"__key__": "swh-a_1_2", **present}


TONE = 0.1 * np.sin(np.arange(8000))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"json": None, "txt": None}, r"lacks its \.txt, \.json"),
        ({"flac": b""}, "damaged"),
        ({"flac": b"<html>"}, "damaged"),
        ({"json": b'{"start_sec": '}, "damaged"),
        ({"json": b"\xff\xfe"}, "damaged"),
        ({"txt": b"\xff\xfe"}, "damaged"),
        ({"flac": flac_of(TONE, 22_050)}, "got 22050 Hz in 1 channels"),
        ({"flac": flac_of(np.stack([TONE, TONE], 1))}, "got 16000 Hz in 2 channels"),
    ],
)
def test_a_damaged_sample_is_named(changes, told):
    with pytest.raises(ArtifactError, match=rf"swh-a_1_2: .*{told}"):
        parse_clip(raw(**changes))


def test_audio_that_breaks_off_is_found_when_it_is_decoded():
    noise = 0.1 * np.random.default_rng(0).standard_normal(60_000)
    flac = flac_of(noise)
    clip = parse_clip(raw(flac=flac[: len(flac) // 2]))
    with pytest.raises(ArtifactError, match=r"swh-a_1_2: damaged"):
        _ = clip.samples


@pytest.mark.parametrize("share", [0.0, 0.4, 0.7])
def test_a_shard_that_breaks_off_is_named(share, tmp_path):
    path = shard_path(tmp_path, "swh", "train")
    write_tar(path, {f"a_{k}_{k}": spoken_sample(["aiu"]) for k in range(3)})
    octets = path.read_bytes()
    path.write_bytes(octets[: int(len(octets) * share)])
    shards = SpeechShards(corpus=tmp_path, selection=None)
    with pytest.raises(ArtifactError, match=r"swh-train-000000\.tar: damaged shard"):
        list(shards.epoch(0))
