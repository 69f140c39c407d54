"""The first head against what it was fitted to."""

import numpy as np
import pytest
import torch

from models.networks.bundled import new_bundled_network
from models.networks.heads import LanguageHead
from models.networks.speech_network import Inputs
from models.training.lid import LanguageBatch, LanguageTask
from models.training.lid_start import fit_language_head
from models.vocabulary import Vocabulary

CODES = ("eng", "hin", "swh")
LETTERS = Vocabulary(("", "a", "b"), 0, None)


def batches(seed: int, count: int = 6) -> list[LanguageBatch]:
    """Noise whose bands are as loud as the language has them."""
    rng = torch.Generator().manual_seed(seed)
    loud_LM = torch.randn(3, 80, generator=torch.Generator().manual_seed(0))
    made = []
    for number in range(count):
        languages_B = torch.tensor([number % 3, (number + 1) % 3])
        noise = torch.randn(2, 30, 80, generator=rng)
        values = noise + loud_LM[languages_B][:, None]
        inputs = Inputs(values, torch.tensor([30, 22]))
        made.append(LanguageBatch(("a", "b"), 1.0, inputs, languages_B))
    return made


def network(*, spread: bool):
    torch.manual_seed(0)
    made = new_bundled_network("tiny", LETTERS, CODES)
    features = made.language_head.layer.in_features
    made.language_head = LanguageHead(features, CODES, spread=spread)
    return made


@pytest.mark.parametrize("spread", [False, True])
def test_the_fitted_head_tells_other_clips(spread):
    net = network(spread=spread)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    fit_language_head(net, net.language_head, batches(1))
    found = LanguageTask(languages=CODES, held_out=batches(2)).validate(net.eval())
    assert found["wrong"] == 0
    changed = {k for k, v in net.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {"language_head.layer.weight", "language_head.layer.bias"}


def test_equal_clips_give_equal_heads():
    heads = []
    for _ in range(2):
        net = network(spread=True).train()
        fit_language_head(net, net.language_head, batches(1))
        assert net.training
        heads.append(net.language_head.layer.weight.detach().numpy())
    np.testing.assert_array_equal(*heads)
