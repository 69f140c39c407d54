"""What was learnt, in the store: it comes back as it was, and damage is noticed."""

import math

import pytest
import torch

from pipelines.adaptation_file import dump_adaptation, load_adaptation
from schemas.alignment import Adaptation, AdaptationOutcome
from schemas.errors import ArtifactError

TOLD = Adaptation(AdaptationOutcome.ADAPTED, "swh-luk-001", 1.5, 2.25)
WEIGHTS = {"b": torch.tensor([1.0, -2.0]).half(), "a": torch.ones(2, 3).half()}


def test_it_comes_back_as_it_was():
    told, weights = load_adaptation(dump_adaptation(TOLD, WEIGHTS))
    assert told == TOLD
    assert weights.keys() == WEIGHTS.keys()
    assert all(torch.equal(weights[name], WEIGHTS[name]) for name in WEIGHTS)
    other = dict(reversed(WEIGHTS.items()))
    assert dump_adaptation(TOLD, other) == dump_adaptation(TOLD, WEIGHTS)


def test_nothing_learnt_is_a_result_too():
    low = Adaptation(AdaptationOutcome.MARGIN_LOW, "a", 0.5)
    told, weights = load_adaptation(dump_adaptation(low, {}))
    assert (told.outcome, told.margin_before, weights) == (low.outcome, 0.5, {})
    assert math.isnan(told.margin_after)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_half_file_is_damaged(share):
    data = dump_adaptation(TOLD, WEIGHTS)
    with pytest.raises(ArtifactError, match=r"x\.safetensors: damaged"):
        load_adaptation(data[: int(share * len(data))], "x.safetensors")


def test_another_version_is_refused():
    data = dump_adaptation(TOLD, WEIGHTS).replace(b"adaptation/1", b"adaptation/0")
    with pytest.raises(ArtifactError, match="expected format pericope-adaptation/1"):
        load_adaptation(data)
