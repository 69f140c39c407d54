"""The job that tells languages, on tones: each language has notes of its own."""

import numpy as np
import pytest
import torch

from models.data import Clip
from models.networks.bundled import new_bundled_network
from models.training.lid import LanguageTask, MakeLanguageBatch, varied_voice
from models.vocabulary import Vocabulary
from schemas.errors import ArtifactError
from tests.models.shards import flac_of

CODES = ("eng", "hin", "swh")
NOTES_HZ = {"eng": 500, "hin": 1100, "swh": 2600}
LETTERS = Vocabulary(("", "a", "b"), 0, None)


def clip(language: str, number: int = 0, sec: float = 1.0) -> Clip:
    rng = np.random.default_rng(number)
    seconds = np.arange(int(sec * 16_000)) / 16_000
    samples = 0.2 * np.sin(2 * np.pi * NOTES_HZ.get(language, 300) * seconds)
    samples += 0.02 * rng.standard_normal(len(samples))
    return Clip(f"{language}-{number}", flac_of(samples), sec, "", {}, language)


def network():
    torch.manual_seed(0)
    return new_bundled_network("tiny", LETTERS, CODES)


@pytest.fixture
def make() -> MakeLanguageBatch:
    return MakeLanguageBatch(prepare=network().prepare, languages=CODES)


def test_a_batch_has_the_column_of_each_language(make):
    batch = make([clip("swh"), clip("eng", sec=0.5)], np.random.default_rng(0))
    assert batch.keys == ("swh-0", "eng-0")
    assert batch.languages_B.tolist() == [2, 0]
    assert batch.heard_sec == 1.5
    assert batch.inputs.lengths.tolist()[0] > batch.inputs.lengths.tolist()[1]


def test_clips_are_cut_somewhere_else_each_time():
    make = MakeLanguageBatch(
        prepare=network().prepare, languages=CODES, crop_sec=0.3, varied=False
    )
    rng = np.random.default_rng(0)
    first, again = (make([clip("eng")], rng) for _ in range(2))
    whole = MakeLanguageBatch(prepare=make.prepare, languages=CODES)
    frames = int(whole([clip("eng", sec=0.3)], rng).inputs.lengths[0])
    assert first.inputs.lengths.tolist() == again.inputs.lengths.tolist() == [frames]
    assert not torch.equal(first.inputs.values, again.inputs.values)


def test_a_clip_of_another_language_is_named(make):
    with pytest.raises(ArtifactError, match="rus-0: expected one of eng, hin, swh"):
        make([clip("rus")], np.random.default_rng(0))


def test_a_varied_voice_is_about_as_long_and_as_loud():
    clip_N = clip("eng").samples
    rng = np.random.default_rng(1)
    lengths = set()
    for _ in range(20):
        varied_N = varied_voice(clip_N, rng)
        lengths.add(len(varied_N))
        assert varied_N.dtype == np.float32
        assert np.isfinite(varied_N).all()
        assert 0.8 < len(varied_N) / len(clip_N) < 1.25
    assert len(lengths) > 10
    assert np.array_equal(
        varied_voice(clip_N, np.random.default_rng(2)),
        varied_voice(clip_N, np.random.default_rng(2)),
    )
    assert 1 <= len(varied_voice(clip_N[:1], rng)) <= 2


def test_losses_are_those_of_each_clip_alone(make):
    net = network().eval()
    task = LanguageTask(languages=CODES)
    rng = np.random.default_rng(0)
    clips = [clip("swh"), clip("eng", sec=0.6), clip("hin", sec=0.8)]
    together = task.losses(net, make(clips, rng))
    alone = [task.losses(net, make([one], rng)) for one in clips]
    assert together.items == 3
    assert together.total.dtype == torch.float32
    total = sum(float(losses.total.detach()) for losses in alone)
    assert float(together.total.detach()) == pytest.approx(total, rel=1e-4)
    wrong = sum(losses.parts["wrong"] for losses in alone)
    assert together.parts == {"wrong": wrong}


def test_it_learns_to_tell_notes_apart(make):
    net = network()
    rng = np.random.default_rng(0)
    held_out = [make([clip(code, 99) for code in CODES], rng)]
    task = LanguageTask(languages=CODES, held_out=held_out)
    optimiser = torch.optim.AdamW(net.parameters(), lr=5e-3)
    for step in range(30):
        batch = make([clip(code, step) for code in CODES], rng)
        losses = task.losses(net, batch)
        (losses.total / losses.items).backward()
        optimiser.step()
        optimiser.zero_grad()
    measures = task.validate(net.eval())
    assert measures == {"wrong": 0, "wrong/eng": 0, "wrong/hin": 0, "wrong/swh": 0}
    assert task.confusion(net).accuracy() == 1


def test_what_is_wrong_is_told_by_language(make):
    net = network().eval()
    net.language_head.layer.weight.data.zero_()
    net.language_head.layer.bias.data = torch.tensor([0.0, 1.0, 0.0])  # always hin
    rng = np.random.default_rng(0)
    held_out = [make([clip("swh"), clip("hin"), clip("hin", 1), clip("swh", 1)], rng)]
    found = LanguageTask(languages=CODES, held_out=held_out).validate(net)
    assert found == {"wrong": 0.5, "wrong/hin": 0.0, "wrong/swh": 1.0}
    assert LanguageTask(languages=CODES).validate(net) == {}
