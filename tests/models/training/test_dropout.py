import numpy as np
import pytest
import torch
from torch import nn

from models.network import AcousticNetwork, NetworkConfig
from models.networks.load import new_network
from models.training.dropout import set_dropout
from models.vocabulary import Vocabulary
from schemas.errors import ConfigError
from tests.models.tiny_wav2vec2 import random_model, tiny_config

SMALL = NetworkConfig(
    outer_channels=16, inner_channels=16, entry_blocks=1, inner_blocks=1, exit_blocks=1
)


def test_the_bundled_architecture_drops_only_when_it_is_asked_to():
    torch.manual_seed(0)
    network = AcousticNetwork(SMALL)
    features = torch.randn(1, 40, 80)
    plain = network.eval()(features)
    assert torch.equal(network.train()(features), plain)
    set_dropout(network, 0.3)
    assert not torch.equal(network(features), plain)
    assert torch.equal(network.eval()(features), plain)
    set_dropout(network, 0.0)
    assert torch.equal(network.train()(features), plain)


def test_wav2vec2_drops_layers_too():
    network = random_model(tiny_config())
    set_dropout(network, 0.25)
    assert network.wav2vec2.encoder.config.layerdrop == 0.25
    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout)} == {0.25}


def test_a_conformer_drops_everywhere():
    torch.manual_seed(0)
    letters = Vocabulary.from_texts(["ab"])
    network = new_network("conformer", size="tiny", vocabulary=letters)
    network.requires_grad_(False)  # batch norms as in use
    inputs = network.prepare([np.sin(np.arange(16_000) / 9).astype(np.float32)])

    def heard() -> torch.Tensor:
        return network(inputs.values, inputs.lengths).logits_BTC

    plain = network.eval() and heard()
    set_dropout(network, 0.0)
    assert torch.equal(network.train() and heard(), plain)
    set_dropout(network, 0.3)
    assert not torch.equal(heard(), plain)
    encoder = network.network.encoder
    attention = encoder.layers[0].self_attn.attention_dropout
    inner = encoder.layers[1].feed_forward1.activation_dropout
    assert {encoder.dropout, encoder.layerdrop, attention, inner} == {0.3}


def test_rates_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="0 up to 1, without 1, got 1"):
        set_dropout(AcousticNetwork(SMALL), 1.0)
    with pytest.raises(ConfigError, match="got Linear without any; say 0"):
        set_dropout(nn.Linear(2, 2), 0.1)
    set_dropout(nn.Linear(2, 2), 0.0)
