import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.training.pseudo_label_cache import PseudoLabelCache
from schemas.errors import ConfigError


def filled(size: int, replacement: float, seed: int = 0) -> PseudoLabelCache[int]:
    cache: PseudoLabelCache[int] = PseudoLabelCache(size, replacement, seed)
    for item in range(size):
        cache.add(item)
    return cache


@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 2**32))
def test_each_batch_comes_once_in_every_cycle(size, cycles, seed):
    cache = filled(size, 0.0, seed)
    taken = [cache.take(lambda: -1) for _ in range(size * cycles)]
    for cycle in _cycles(taken, size):
        assert sorted(cycle) == list(range(size))


def _cycles(taken: list[int], size: int) -> list[list[int]]:
    return [taken[k : k + size] for k in range(0, len(taken), size)]


def test_cycles_have_orders_of_their_own():
    cache = filled(20, 0.0)
    first, second = _cycles([cache.take(lambda: -1) for _ in range(40)], 20)
    assert first != second
    assert first != sorted(first)


@pytest.mark.parametrize("replacement", [0.1, 0.5, 1.0])
def test_batches_make_way_as_often_as_asked_for(replacement):
    """Each is used 1 / p times on average: a geometric distribution."""
    fresh = itertools.count(10)
    cache = filled(10, replacement)
    draws = 20_000
    uses = Counter(cache.take(lambda: next(fresh)) for _ in range(draws))
    replaced = next(fresh) - 10
    deviation = np.sqrt(draws * replacement * (1 - replacement))
    assert abs(replaced - draws * replacement) <= 4 * deviation
    assert np.mean(list(uses.values())) == pytest.approx(1 / replacement, rel=0.1)


def test_one_that_makes_way_is_still_returned():
    cache = filled(1, 1.0)
    assert [cache.take(lambda: 7), cache.take(lambda: 8)] == [0, 7]


@given(st.integers(1, 8), st.floats(0, 1), st.integers(0, 50), st.integers(0, 2**32))
def test_state_goes_on_as_it_would_have(size, replacement, done, seed):
    whole, fresh = filled(size, replacement, seed), itertools.count(100)
    for _ in range(done):
        whole.take(lambda: next(fresh))
    at = next(fresh)
    resumed: PseudoLabelCache[int] = PseudoLabelCache(size, replacement, seed + 1)
    resumed.load_state_dict(whole.state_dict())
    ways = []
    for cache in (whole, resumed):
        counted = itertools.count(at)
        ways.append([cache.take(lambda c=counted: next(c)) for _ in range(3 * size)])
    assert ways[0] == ways[1]


def test_state_of_a_cache_that_is_not_full_is_kept():
    cache: PseudoLabelCache[int] = PseudoLabelCache(3, 0.1, 0)
    cache.add(5)
    other: PseudoLabelCache[int] = PseudoLabelCache(3, 0.1, 0)
    other.load_state_dict(cache.state_dict())
    assert not other.is_full
    other.add(6)
    other.add(7)
    assert other.is_full
    assert sorted(other.take(lambda: -1) for _ in range(3)) == [5, 6, 7]


def test_numbers_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="1 batch or more, got 0"):
        PseudoLabelCache(0, 0.1, 0)
    with pytest.raises(ConfigError, match=r"0 to 1, got 1\.5"):
        PseudoLabelCache(3, 1.5, 0)
    small: PseudoLabelCache[int] = PseudoLabelCache(2, 0.1, 0)
    with pytest.raises(ConfigError, match="at most 2 batches in the checkpoint, got 3"):
        small.load_state_dict(filled(3, 0.1).state_dict())
