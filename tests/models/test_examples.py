"""Clips to batches: the words of each row, the right lengths, the same every time."""

import itertools
import json

import pytest
import torch

from models.augment import Example
from models.data import Clip, SpeechShards, parse_clip
from models.examples import (
    TrainingBatches,
    batch_loader,
    make_batch,
    require_usable,
    timed_words,
    usable,
    validation_batches,
)
from models.features import MELS, SILENCE
from schemas.errors import ArtifactError, ConfigError
from tests.models.shards import (
    shard_path,
    spoken_sample,
    write_speech_corpus,
    write_tar,
)


def clip(*words: str, **row: object) -> Clip:
    members = spoken_sample(words)
    changed = {**json.loads(members["json"]), **row}
    return parse_clip({**members, "__key__": "k", "json": json.dumps(changed).encode()})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    write_speech_corpus(root, {"train": 12, "dev": 10})
    return root


def test_times_count_from_the_start_of_the_clip():
    words = timed_words(clip("aiu", "ku"))
    assert [word.letters for word in words] == ["aiu", "ku"]
    edges = [sec for word in words for sec in (word.start_sec, word.end_sec)]
    assert edges == pytest.approx([0.2, 0.56, 0.76, 1.0])


def test_words_without_letters_or_times_are_left_out():
    nowhere = {"word": "U", "start_sec": None, "end_sec": None}
    number = {"word": "7", "start_sec": 10.5, "end_sec": 10.7}
    first = {"word": "A", "start_sec": 10.1, "end_sec": 10.3}
    words = timed_words(clip("a", romanised="a  u", words=[first, number, nowhere]))
    assert [word.letters for word in words] == ["a"]


def test_letters_and_words_that_do_not_match_are_no_clip():
    with pytest.raises(ArtifactError, match="each of 2 words, got 1"):
        timed_words(clip("aiu", "ku", romanised="aiu"))


def test_what_can_train():
    assert usable(clip("aiu"))
    assert not usable(clip("aiu", star_sec=0.4))
    assert not usable(clip("aiu", romanised=""))
    long = ["aiuk" * 4] * 12
    assert clip(*long).duration_sec > 20
    assert not usable(clip(*long))


def test_a_batch_has_lengths_in_output_frames(corpus):
    first = validation_batches(SpeechShards(corpus=corpus, split="dev"), 1)[0]
    assert first.features.shape[0] == 1
    assert first.features.shape[1] % 128 == 0
    frames = int((first.features[0] != SILENCE).any(1).sum())
    assert first.lengths == [-(-frames // 2)]
    assert len(first.words) == 1


@pytest.mark.parametrize("count", [1, 4, 10, 50])
def test_validation_is_spread_over_the_split(count, corpus):
    shards = SpeechShards(corpus=corpus, split="dev")
    everything = [timed_words(clip) for clip in shards.in_order()]
    chosen = [batch.words[0] for batch in validation_batches(shards, count)]
    assert len(chosen) == min(count, 10)
    places = [everything.index(words) for words in chosen]
    step = max(1, 10 // count)
    assert places == list(range(0, 10, step))[:count]


def test_nothing_to_train_on_is_a_wrong_setting(tmp_path):
    write_tar(shard_path(tmp_path, "swh", "train"), {"a_1_2": spoken_sample([])})
    shards = SpeechShards(corpus=tmp_path, selection=None)
    with pytest.raises(ConfigError, match="expected clips in split 'train' with words"):
        require_usable(shards)


def test_something_to_train_on_will_do(corpus):
    require_usable(SpeechShards(corpus=corpus))


def batches(corpus, count: int, **changes: object):
    options = {"varied": False, "batch_sec": 10.0, "seed": 1, **changes}
    return list(
        itertools.islice(
            iter(TrainingBatches(SpeechShards(corpus=corpus), **options)), count
        )
    )


@pytest.mark.parametrize("varied", [False, True])
def test_training_batches_are_about_as_long_as_asked_for(varied, corpus):
    for batch in batches(corpus, 12, varied=varied):
        rows, frames, bands = batch.features.shape
        assert bands == MELS
        assert frames % 128 == 0
        assert rows == max(1, int(10 * 100 / frames))
        assert len(batch.lengths) == len(batch.words) == rows
        assert max(batch.lengths) <= frames // 2
        assert torch.isfinite(batch.features).all()
        for length, words in zip(batch.lengths, batch.words, strict=True):
            assert words
            assert words[0].start_sec < length * 0.02


def test_equal_seeds_give_equal_batches(corpus):
    first, again, other = (batches(corpus, 3, seed=seed) for seed in (1, 1, 2))
    for one, two in zip(first, again, strict=True):
        assert torch.equal(one.features, two.features)
        assert one.words == two.words
    assert any(one.words != two.words for one, two in zip(first, other, strict=True))


def test_the_worker_process_gives_what_the_stream_gives(corpus):
    stream = TrainingBatches(
        SpeechShards(corpus=corpus), varied=True, batch_sec=10.0, seed=1
    )
    expected = list(itertools.islice(iter(stream), 3))
    loader = batch_loader(stream)
    for one in expected:
        two = next(loader)
        assert torch.equal(one.features, two.features)
        assert one.words == two.words
        assert one.lengths == two.lengths


@pytest.mark.parametrize(("frames", "length"), [(1, 1), (2, 1), (255, 128)])
def test_lengths_round_up_to_whole_output_frames(frames, length):
    batch = make_batch([Example(torch.zeros(frames, MELS), ())])
    assert batch.lengths == [length]
