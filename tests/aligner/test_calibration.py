import math
from dataclasses import replace

import numpy as np
import pytest

from aligner.calibration import Calibration
from aligner.evidence import Evidence
from aligner.scoring import RecordingScores, SegmentScores

KINDS = ("extra", "other", "unread")


def right(rng) -> Evidence:
    gains = -5 + rng.exponential(1.0, 3)
    confidence = 1 / (1 + math.exp(-rng.normal(1, 0.5)))
    return Evidence(-rng.gamma(2, 0.05), *gains, confidence, 600)


def wrong(rng) -> Evidence:
    """Return one in which one kind of evidence speaks against a word."""
    kind = KINDS[rng.integers(3)]
    return replace(right(rng), **{kind: rng.normal(8, 5)}, confidence=0.3)


def recordings(rng, *, count=300, scale=1.0) -> list[RecordingScores]:
    segments = {}
    for k in range(count):
        own = wrong(rng) if k % 20 == 0 else right(rng)
        decoys = (wrong(rng), wrong(rng))
        segments[f"k{k}"] = SegmentScores(own.score, own, decoys)
    other = tuple(scale * rng.normal(-1.3, 0.2, 2 * count))
    return [RecordingScores(segments, other)]


@pytest.mark.parametrize("seed", range(8))
def test_of_wrong_texts_the_wanted_share_passes(seed):
    """Whatever the scale of a language's scores is."""
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.3, 3)
    calibration = Calibration.of(recordings(rng, count=1000, scale=scale))
    scores = scale * rng.normal(-1.3, 0.2, 4000)
    passed = np.mean([calibration.null_quantile(score) > 0.99 for score in scores])
    assert 0.004 < passed < 0.018
    passed = np.mean([calibration.trust(wrong(rng)) > 0.9 for _ in range(2000)])
    assert 0.07 < passed < 0.13
    threshold = calibration.score_threshold(0.01)
    assert calibration.null_quantile(threshold + 1e-9) == pytest.approx(0.99, abs=0.001)


def test_right_ones_are_trusted():
    rng = np.random.default_rng(1)
    calibration = Calibration.of(recordings(rng))
    trusts = [calibration.trust(right(rng)) for _ in range(500)]
    assert np.median(trusts) > 0.95
    assert np.mean(np.array(trusts) > 0.9) > 0.7


def test_worse_evidence_never_gives_more_trust():
    rng = np.random.default_rng(2)
    calibration = Calibration.of(recordings(rng))
    for _ in range(100):
        evidence = right(rng)
        trust = calibration.trust(evidence)
        assert 0 <= trust <= 1
        for kind in KINDS:
            worse = replace(evidence, **{kind: getattr(evidence, kind) + 3})
            assert calibration.trust(worse) <= trust
        worse = replace(evidence, confidence=evidence.confidence / 2)
        assert calibration.trust(worse) <= trust
        assert calibration.null_quantile(-0.5) >= calibration.null_quantile(-0.6)


def test_half_of_a_language_may_be_wrong():
    rng = np.random.default_rng(3)
    (scores,) = recordings(rng, count=400)
    spoiled = {
        key: replace(row, own=wrong(rng) if k % 5 < 2 else row.own)
        for k, (key, row) in enumerate(scores.segments.items())
    }
    calibration = Calibration.of([replace(scores, segments=spoiled)])
    good = np.median([calibration.trust(right(rng)) for _ in range(300)])
    bad = np.median([calibration.trust(wrong(rng)) for _ in range(300)])
    assert good > 0.9 and bad < 0.6


def test_what_is_unknown_stays_so():
    calibration = Calibration.of(recordings(np.random.default_rng(4)))
    assert math.isnan(calibration.trust(Evidence.unknown()))
    assert math.isnan(calibration.null_quantile(math.nan))
    only_word = Evidence(-0.1, 1.0, 1.0, math.nan, 0.5, 9)
    assert math.isnan(calibration.trust(only_word))


@pytest.mark.parametrize("count", [0, 1, 4, 24])
def test_too_few_decoys_tell_nothing(count):
    scores = recordings(np.random.default_rng(5), count=count)
    assert Calibration.of(scores) is None
    assert Calibration.of([]) is None


def test_without_any_scatter_there_is_still_an_order():
    """A model of few errors: nothing else would gain anything, nearly anywhere."""
    same = Evidence(-0.01, -1.5, -9.0, -12.0, 0.99, 600)
    bad = replace(same, other=6.0)
    segments = {f"k{k}": SegmentScores(-0.01, same, (bad, bad)) for k in range(60)}
    scores = RecordingScores(segments, tuple(np.linspace(-2, -1, 120)))
    calibration = Calibration.of([scores])
    assert calibration.trust(same) == 1.0
    assert calibration.trust(replace(bad, other=7.0)) == 0.0
