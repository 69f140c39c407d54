import json

import numpy as np
import torch

from models.bundled import VOCABULARY
from models.data import Clip
from models.networks.load import new_network
from models.training.dropout import set_dropout
from models.training.self_labels import SelfLabeller
from tests.models.shards import invented_words, spoken_sample


def clips(count: int) -> list[Clip]:
    rng = np.random.default_rng(0)
    samples = [spoken_sample(invented_words(rng, k + 1)) for k in range(count)]
    return [
        Clip(f"r_{k:07d}_0", sample["flac"], 1.0, "", json.loads(sample["json"]))
        for k, sample in enumerate(samples)
    ]


def network():
    torch.manual_seed(0)
    return new_network("bundled", size="tiny", vocabulary=VOCABULARY)


def test_labels_are_those_of_each_clip_alone_and_without_dropout():
    hearing = network()
    set_dropout(hearing, 0.5)
    before = torch.get_rng_state()
    texts = SelfLabeller(hearing)(clips(4))
    assert hearing.training
    assert torch.equal(torch.get_rng_state(), before)
    assert any(texts)
    assert texts == [SelfLabeller(network().eval())([clip])[0] for clip in clips(4)]


def test_only_allowed_letters_are_written():
    allowed = frozenset(VOCABULARY.columns[letter] for letter in "aeiou")
    texts = SelfLabeller(network(), allowed)(clips(4))
    assert any(texts)
    assert set("".join(texts)) <= set("aeiou")


def test_a_network_in_eval_mode_stays_in_it():
    hearing = network().eval()
    SelfLabeller(hearing)(clips(1))
    assert not hearing.training
