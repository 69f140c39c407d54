"""Rates of learning, point by point."""

import pytest

from models.training.schedule import Constant, Cosine, InTurn, TriStage
from schemas.errors import ConfigError


def test_three_stages_rise_hold_and_fall():
    shares = [TriStage().share(step, 1000) for step in range(1000)]
    assert shares[0] == pytest.approx(0.01)
    assert shares[50] == pytest.approx(0.505)
    assert shares[100:500] == [1.0] * 400
    assert shares[750] == pytest.approx(0.05**0.5)
    assert shares[999] == pytest.approx(0.05, rel=0.01)
    assert shares[:101] == sorted(shares[:101])
    assert shares[500:] == sorted(shares[500:], reverse=True)


def test_three_stages_of_a_single_step():
    assert 0 < TriStage().share(0, 1) <= 1


def test_a_cosine_after_its_rise():
    cosine = Cosine(rise_steps=10, last=0.02)
    assert cosine.share(0, 100) == pytest.approx(0.1)
    assert cosine.share(50, 100) == pytest.approx(0.51)
    assert cosine.share(99, 100) == pytest.approx(0.02, abs=1e-3)


def test_schedules_in_turn():
    both = InTurn(((3, 1.0, Constant()), (5, 0.5, Cosine(1, 0.0))))
    assert [both.share(step, 8) for step in (0, 2, 3)] == [1.0, 1.0, 0.5]
    assert both.share(7, 8) == pytest.approx(0.5 * Cosine(1, 0.0).share(4, 5))
    with pytest.raises(ValueError, match="beyond"):
        both.share(8, 8)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: TriStage(rise=0.7, hold=0.4),
        lambda: TriStage(last=0.0),
        lambda: Cosine(0),
    ],
)
def test_impossible_schedules_are_refused(wrong):
    with pytest.raises(ConfigError, match="training: schedule"):
        wrong()
