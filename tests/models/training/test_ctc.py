"""CTC against a sum over all paths; what is left out; what a network learns."""

import itertools
import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from models.data import Clip
from models.networks.load import new_network
from models.networks.speech_network import Encoded, Inputs
from models.training.ctc import CtcBatch, CtcTask, MakeCtcBatch, needed_frames
from models.training.schedule import Cosine
from models.vocabulary import Vocabulary
from schemas.errors import ConfigError, LettersUnknown
from tests.models.shards import TONES_HZ, invented_words, spoken_sample
from tests.models.training.toys import CONFIG, train

LETTERS = Vocabulary.from_texts(TONES_HZ)
RNG = np.random.default_rng(0)


def clip_of(words, key="a", language="swh") -> Clip:
    members = spoken_sample(words)
    row = {**json.loads(members["json"]), "language": language}
    samples = len(words) * 0.6
    return Clip(key, members["flac"], samples, " ".join(words), row, language)


def spelled(clip: Clip) -> str | None:
    return None if clip.text == "?" else clip.text


@dataclass
class Fixed:
    """A network's place, with logits that are given."""

    logits_BTC: torch.Tensor
    frames: torch.Tensor
    languages_BL: torch.Tensor | None = None
    vocabulary: Vocabulary = LETTERS

    def __call__(self, values, lengths) -> Encoded:
        return Encoded(self.logits_BTC, self.frames, self.languages_BL)


def batch_of(texts, languages=None) -> CtcBatch:
    """A batch with targets and nothing to hear."""
    targets = [LETTERS.encode(text) for text in texts]
    longest = max(map(len, targets))
    return CtcBatch(
        keys=tuple(f"clip{k}" for k in range(len(texts))),
        texts=tuple(texts),
        codes=("swh",) * len(texts),
        heard_sec=1.0,
        inputs=Inputs(torch.zeros(len(texts), 1), torch.ones(len(texts))),
        targets_BL=torch.tensor([t + [0] * (longest - len(t)) for t in targets]),
        target_lengths_B=torch.tensor([len(t) for t in targets]),
        needed_frames_B=torch.tensor([needed_frames(t) for t in targets]),
        languages_B=torch.tensor(languages or [-1] * len(texts)),
    )


def sum_over_paths(log_probs_TC, target) -> float:
    """Minus the log of all paths' probability, one by one."""
    total = 0.0
    labels = sorted({0, *target})
    for path in itertools.product(labels, repeat=len(log_probs_TC)):
        read = [k for k, _ in itertools.groupby(path) if k != 0]
        if read == list(target):
            total += math.exp(sum(log_probs_TC[t, k] for t, k in enumerate(path)))
    return -math.log(total)


@settings(max_examples=25, deadline=None)
@given(
    texts=st.lists(
        st.sampled_from(["a", "ai", "aa", "a i", "ku"]), min_size=1, max_size=3
    ),
    spare=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_the_loss_is_the_sum_over_all_paths_of_the_valid_frames(texts, spare, seed):
    batch = batch_of(texts)
    frames = batch.needed_frames_B + spare
    generator = torch.Generator().manual_seed(seed)
    longest = int(frames.max()) + 2  # what is behind a clip must not count
    logits = torch.randn(len(texts), longest, len(LETTERS.labels), generator=generator)
    losses = CtcTask().losses(Fixed(logits, frames), batch)
    log_probs = logits.double().log_softmax(-1).numpy()
    expected = sum(
        sum_over_paths(log_probs[k, : frames[k]], LETTERS.encode(text))
        for k, text in enumerate(texts)
    )
    assert float(losses.total) == pytest.approx(expected, rel=1e-4)
    assert losses.items == sum(map(len, texts))
    assert losses.parts == {"ctc": pytest.approx(expected, rel=1e-4)}


def test_a_clip_with_too_few_frames_is_named_and_does_not_count():
    texts = ["ai", "aa"]
    logits = torch.randn(2, 4, len(LETTERS.labels), requires_grad=True)
    frames = torch.tensor([4, 2])
    losses = CtcTask().losses(Fixed(logits, frames), batch_of(texts))
    alone = CtcTask().losses(Fixed(logits[:1], frames[:1]), batch_of(["ai"]))
    assert losses.parts == pytest.approx(alone.parts)
    assert losses.items == 2
    assert losses.left_out == {
        "clip1": "2 frames are too few for its letters, which need 3"
    }
    losses.total.backward()
    assert torch.isfinite(logits.grad).all()
    assert not logits.grad[1].any()


def test_the_language_counts_by_gamma_where_it_is_known():
    logits = torch.randn(3, 4, len(LETTERS.labels))
    languages = torch.tensor([[2.0, 0.0], [0.0, 1.0], [5.0, 1.0]])
    network = Fixed(logits, torch.tensor([4, 4, 1]), languages)
    batch = batch_of(["a", "i", "ai"], [0, -1, 1])  # the last one does not fit
    cross_entropy = math.log1p(math.exp(-2.0))
    without = CtcTask(gamma=0.0).losses(network, batch)
    losses = CtcTask(gamma=3.0).losses(network, batch)
    extra = float(losses.total - without.total)
    assert extra == pytest.approx(3 * cross_entropy, rel=1e-4)
    assert losses.parts["language"] == pytest.approx(cross_entropy)


def test_losses_are_in_full_precision_whatever_the_logits():
    logits = torch.randn(1, 4, len(LETTERS.labels)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        losses = CtcTask().losses(Fixed(logits, torch.tensor([4])), batch_of(["ai"]))
    assert losses.total.dtype == torch.float32


def test_a_batch_says_what_is_in_it_and_what_could_not_be():
    make = MakeCtcBatch(
        prepare=new_network("bundled", size="tiny", vocabulary=LETTERS).prepare,
        vocabulary=LETTERS,
        languages=("deu", "swh"),
        spell=spelled,
        skips_unknown=True,
    )
    clips = [
        clip_of(["ai", "kaa"], "one"),
        replace(clip_of(["a"], "two"), text="?"),
        replace(clip_of(["a"], "three"), text=""),
        replace(clip_of(["a"], "four"), text="aß"),
        clip_of(["u"], "five", "eng"),
    ]
    batch = make(clips, RNG)
    assert batch.keys == ("one", "five")
    assert batch.languages_B.tolist() == [1, -1]
    assert batch.target_lengths_B.tolist() == [6, 1]
    assert batch.needed_frames_B.tolist() == [7, 1]
    assert batch.targets_BL[0].tolist() == LETTERS.encode("ai kaa")
    assert batch.inputs.values.shape[0] == 2
    assert batch.left_out.keys() == {"two", "three", "four"}
    assert "ß" in batch.left_out["four"]
    with pytest.raises(LettersUnknown, match=r"four: .*ß"):
        replace(make, skips_unknown=False)(clips, RNG)


def test_a_batch_without_anything_to_learn_costs_nothing():
    make = MakeCtcBatch(prepare=None, vocabulary=LETTERS, spell=spelled)
    batch = make([replace(clip_of(["a"]), text="")], RNG)
    losses = CtcTask().losses(nn.Identity(), batch)
    assert losses.items == 0
    assert losses.left_out == {"a": "no letters"}


def test_a_gamma_below_zero_is_refused():
    with pytest.raises(ConfigError, match="γ"):
        CtcTask(gamma=-1.0)


class Endless:
    """The same few batches for ever."""

    def __init__(self, batches):
        self.batches, self.number = batches, 0

    def __next__(self):
        self.number += 1
        return self.batches[(self.number - 1) % len(self.batches)]

    def state_dict(self):
        return {"number": self.number}

    def load_state_dict(self, state):
        self.number = state["number"]


def test_a_network_learns_letters_and_languages(tmp_path):
    torch.manual_seed(0)
    codes = ("deu", "swh")
    network = new_network("bundled", size="tiny", vocabulary=LETTERS, languages=codes)
    make = MakeCtcBatch(
        prepare=network.prepare, vocabulary=LETTERS, languages=codes, spell=spelled
    )
    rng = np.random.default_rng(1)
    # One language has only the letter "a", so that it can be told.
    words = {"swh": lambda: invented_words(rng, 1), "deu": lambda: ["a"]}
    clips = [
        clip_of(words[code](), f"{code}{k}", code) for k in range(6) for code in codes
    ]
    batches = [make(clips[:6], RNG), make(clips[6:], RNG)]
    config = replace(
        CONFIG,
        steps=80,
        learning_rate=1e-2,
        schedule=Cosine(5),
        clip_norm=2.0,
        validate_every=80,
        best_by="cer",
    )
    task = CtcTask(held_out=batches)
    result = train(
        tmp_path, config, network=network, task=task, batches=Endless(batches)
    )
    assert result.measures["cer"] < 0.25
    assert result.measures["language_wrong"] < 0.2
    assert result.measures.keys() == {
        *("cer", "wer", "language_wrong"),
        *(f"{name}/{code}" for name in ("cer", "wer") for code in codes),
    }
