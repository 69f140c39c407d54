"""Batches over ranks, workers and kills: the plan's, each once, the same again."""

import json
import multiprocessing
import shutil
import signal
import time
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.data import (
    BatchPlan,
    BatchStream,
    SpeechShards,
    epoch_batches,
)
from schemas.errors import ArtifactError, ConfigError
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


@settings(deadline=None, max_examples=8)
@given(
    ranks=st.integers(1, 5),
    workers=st.sampled_from([0, 0, 0, 2]),
    plan=st.builds(
        BatchPlan,
        batch_sec=st.floats(4.0, 12.0),
        max_clip_sec=st.just(4.0),
        window_clips=st.integers(3, 40),
        seed=st.integers(0, 9),
    ),
)
def test_over_any_ranks_and_workers_no_clip_is_lost_or_doubled(
    corpus, kept, ranks, workers, plan
):
    alone = one_epoch(stream(corpus, plan))
    dealt = [
        stream(corpus, plan, rank=rank, ranks=ranks, workers=workers)
        for rank in range(ranks)
    ]
    got = [next(dealt[k % ranks]) for k in range(len(alone))]
    assert got == alone
    assert sorted(key for batch in got for key in batch) == kept
    once = [
        batch
        for rank in range(ranks)
        for batch in epoch_batches(
            [SpeechShards(corpus=corpus)],
            plan,
            keys_of,
            rank=rank,
            ranks=ranks,
            workers=workers,
        )
    ]
    assert sorted(key for batch in once for key in batch) == kept


@pytest.mark.parametrize("workers", [0, 2])
def test_random_numbers_and_states_do_not_depend_on_ranks(workers, corpus):
    alone = stream(corpus, make=keys_and_draw)
    expected = [next(alone) for _ in range(12)]
    dealt = [
        stream(corpus, make=keys_and_draw, rank=rank, ranks=3, workers=workers)
        for rank in range(3)
    ]
    assert [next(dealt[k % 3]) for k in range(12)] == expected
    assert len({draw for _, draw in expected}) == 12
    assert [one.state_dict() for one in dealt] == [alone.state_dict()] * 3


@pytest.mark.parametrize("workers", [0, 2])
def test_a_state_is_what_was_taken_and_not_what_was_read_ahead(workers, corpus):
    whole = stream(corpus, make=keys_and_draw, workers=workers)
    expected = [next(whole) for _ in range(40)]
    stopped = stream(corpus, make=keys_and_draw, workers=workers)
    for done in (0, 1, 7, 25):
        while stopped.state_dict()["batches"] < done:
            next(stopped)
        state = json.loads(json.dumps(stopped.state_dict()))
        later = stream(corpus, make=keys_and_draw)
        later.load_state_dict(state)
        assert later.state_dict() == state
        assert [next(later) for _ in range(9)] == expected[done : done + 9]
        # Loading is also a way back.
        stopped.load_state_dict(state)
    assert whole.state_dict()["epoch"] > 0


def test_other_ranks_go_on_where_fewer_were(corpus):
    alone = stream(corpus)
    expected = [next(alone) for _ in range(18)]
    two = [stream(corpus, rank=rank, ranks=2) for rank in range(2)]
    assert [next(two[k % 2]) for k in range(6)] == expected[:6]
    three = [stream(corpus, rank=rank, ranks=3) for rank in range(3)]
    for one in three:
        one.load_state_dict(two[0].state_dict())
    assert [next(three[k % 3]) for k in range(12)] == expected[6:]


def write_batches(corpus: Path, path: Path) -> None:
    batches = stream(corpus, workers=2)
    with path.open("w") as file:
        while True:
            print(json.dumps([next(batches), batches.state_dict()]), file=file)
            file.flush()


def test_after_a_kill_the_same_keys_come(corpus, tmp_path):
    alone = stream(corpus)
    expected = [next(alone) for _ in range(300)]
    path = tmp_path / "seen.jsonl"
    # Forked, so that nothing is imported anew; killed while workers read ahead.
    process = multiprocessing.get_context("fork").Process(
        target=write_batches, args=(corpus, path)
    )
    process.start()
    while not path.exists() or path.read_text().count("\n") < 11:
        time.sleep(0.02)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    lines = path.read_text().splitlines(keepends=True)
    seen = [json.loads(line) for line in lines if line.endswith("\n")]
    assert [keys for keys, _ in seen] == expected[: len(seen)]
    later = stream(corpus, workers=1)
    later.load_state_dict(seen[-1][1])
    assert [next(later) for _ in range(20)] == expected[len(seen) :][:20]


def test_the_trainers_random_numbers_are_its_own(corpus):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    batches = stream(corpus, workers=1)
    next(batches)
    assert torch.equal(torch.rand(3), expected)


def test_shares_are_told_in_hours(corpus, caplog):
    plan = replace(PLAN, beta_language=0.0)
    batches = stream(corpus, plan)
    with caplog.at_level("INFO"):
        while batches.state_dict()["epoch"] < 8:
            next(batches)
    shares = {share.language: share for share in batches.shares()}
    assert sorted(shares) == ["ell", "rus", "swh"]
    durations = {
        clip.key: clip.duration_sec for clip in SpeechShards(corpus=corpus).in_order()
    }
    assert (
        sum(share.hours for share in shares.values())
        > 8 * sum(durations.values()) / 3600 * 0.9
    )
    for share in shares.values():
        assert share.wanted == pytest.approx(1 / 3)
        assert share.share == pytest.approx(1 / 3, abs=0.03)
    assert "33.3% wanted" in caplog.text


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_clip_is_never_passed_over(workers, corpus, tmp_path):
    shutil.copytree(corpus, tmp_path / "corpus")
    tar = shard_path(tmp_path / "corpus", "rus", "train")
    octets = tar.read_bytes()
    batches = stream(tmp_path / "corpus", workers=workers)
    expected = list(islice(stream(corpus), 12))
    tar.write_bytes(bytes(len(octets)))
    got = []
    with pytest.raises(ArtifactError, match=r"rus-train-000000\.tar: damaged shard"):
        got.extend(iter(batches))
    with pytest.raises(ArtifactError, match=r"rus-train-000000\.tar: damaged shard"):
        next(batches)
    tar.write_bytes(octets)
    assert [next(batches) for _ in range(2)] == expected[len(got) :][:2]


def test_what_was_of_other_clips_cannot_go_on(corpus):
    state = stream(corpus).state_dict()
    for other in (
        stream(corpus, replace(PLAN, seed=4)),
        stream(corpus, replace(PLAN, max_clip_sec=1.0)),
        BatchStream([SpeechShards(corpus=corpus, language="swh")], PLAN, keys_of),
    ):
        with pytest.raises(ConfigError, match="have changed since"):
            other.load_state_dict(state)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"ranks": 50}, r"28 clips make \d+ batches of 6 s, too few for 50 ranks"),
        ({"rank": 2, "ranks": 2}, "got rank 2 of 2"),
        ({"workers": -1}, "with -1 workers"),
    ],
)
def test_ranks_that_cannot_be_are_refused(options, told, corpus):
    with pytest.raises(ConfigError, match=told):
        stream(corpus, **options)
