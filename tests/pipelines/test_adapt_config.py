"""[adapt] in corpus.toml: what cannot be is refused."""

import pytest

from pipelines.adapt_config import AdaptConfig
from schemas.errors import ConfigError


def test_off_unless_asked_for():
    assert not AdaptConfig().enabled


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"steps": 0}, "adapt.steps: expected 1 or above, got 0"),
        ({"learning_rate": 0.0}, "adapt.learning_rate: expected above 0 and below 1"),
        ({"min_verses": 3}, "adapt.min_verses: expected 4 or above .*, got 3"),
        ({"min_speech_sec": -1.0}, "adapt.min_speech_sec: expected 0 or above"),
        ({"max_speech_sec": 20.0}, "adapt.max_speech_sec: expected above adapt.min"),
    ],
)
def test_impossible_values_are_named(changes, told):
    with pytest.raises(ConfigError, match=told):
        AdaptConfig(**changes)
