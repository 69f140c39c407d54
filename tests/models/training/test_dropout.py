import pytest
import torch
from torch import nn

from models.network import AcousticNetwork, NetworkConfig
from models.training.dropout import set_dropout
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


def test_rates_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="0 up to 1, without 1, got 1"):
        set_dropout(AcousticNetwork(SMALL), 1.0)
    with pytest.raises(ConfigError, match="got Linear without any; say 0"):
        set_dropout(nn.Linear(2, 2), 0.1)
    set_dropout(nn.Linear(2, 2), 0.0)
