"""Batches over ranks, workers and kills: the plan's, each once, the same again."""

from collections import Counter

import numpy as np
import pytest

from models.data import BatchPlan, BatchStream, SpeechShards
from tests.models.shards import (
    invented_words,
    sample_key,
    shard_path,
    spoken_sample,
    write_selection,
    write_tar,
)

PLAN = BatchPlan(batch_sec=6.0, max_clip_sec=4.0, seed=3)
COUNTS = {("swh", 0): 13, ("swh", 1): 8, ("rus", 0): 9, ("ell", 0): 2}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    verdicts, languages = {}, Counter()
    for (language, number), count in sorted(COUNTS.items()):
        samples = {}
        for k in range(count):
            sample = spoken_sample(invented_words(rng, int(rng.integers(1, 5))))
            samples[sample_key(f"{language}-{number}", k, sample)] = sample
        write_tar(shard_path(root, language, "train", number), samples)
        verdicts |= {key: k != 1 for k, key in enumerate(samples)}
        languages[language] += count
    write_selection(root, "default", verdicts, languages)
    return root


@pytest.fixture(scope="module")
def kept(corpus):
    return sorted(clip.key for clip in SpeechShards(corpus=corpus).in_order())


def keys_of(clips, rng) -> list[str]:
    return [clip.key for clip in clips]


def keys_and_draw(clips, rng) -> tuple[list[str], float]:
    return [clip.key for clip in clips], float(rng.random())


def stream(corpus, plan=PLAN, make=keys_of, **options) -> BatchStream:
    return BatchStream([SpeechShards(corpus=corpus)], plan, make, **options)


def one_epoch(batches: BatchStream) -> list[list[str]]:
    """Take the batches of the first epoch; with one rank alone."""
    taken = []
    while batches.state_dict()["epoch"] == 0:
        before = batches.state_dict()
        taken.append(next(batches))
    batches.load_state_dict(before)
    return taken[:-1]


def test_an_epoch_has_every_kept_clip_once(corpus, kept):
    epoch = one_epoch(stream(corpus))
    assert sorted(key for batch in epoch for key in batch) == kept
    assert max(map(len, epoch)) > 1


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("ranks", [1, 3])
def test_ranks_and_workers_only_deal_out_the_batches(ranks, workers, corpus):
    alone = stream(corpus, make=keys_and_draw)
    expected = [next(alone) for _ in range(12)]
    dealt = [
        stream(corpus, make=keys_and_draw, rank=rank, ranks=ranks, workers=workers)
        for rank in range(ranks)
    ]
    got = [next(dealt[k % ranks]) for k in range(12)]
    assert got == expected
    states = [one.state_dict() for one in dealt]
    assert states == [alone.state_dict()] * ranks
    for one in dealt:
        one.close()
