"""Rooms, music and noise are heard, and move nothing."""

import numpy as np
import pytest
from scipy.signal import correlate

from pipelines.synth.options import ChapterOptions
from pipelines.synth.speech import MASTER_RATE_HZ
from pipelines.synth.studio import Take, produce
from tests.pipelines.synth.listening import rms

EFFECTS = {
    "music": {"music_db": -8.0},
    "noise": {"noise_db": -8.0},
    "reverb": {"reverb_sec": 0.5},
    "all": {"music_db": -10.0, "noise_db": -20.0, "reverb_sec": 0.4},
}


@pytest.fixture(scope="module")
def clean():
    """Bursts of noise with silence between them: 0.5 s in every second."""
    samples = np.random.default_rng(4).standard_normal(6 * MASTER_RATE_HZ) * 0.05
    seconds = np.arange(len(samples)) / MASTER_RATE_HZ
    return (samples * (seconds % 1 < 0.5)).astype(np.float32)


def produced(clean, recording_id="r", **options):
    return produce(clean, ChapterOptions(language="swh", **options), recording_id)


def test_nothing_is_added_unless_asked_for(clean):
    assert np.array_equal(produced(clean), clean)


@pytest.mark.parametrize("name", EFFECTS)
def test_no_effect_moves_the_sound(name, clean):
    changed = produced(clean, **EFFECTS[name])
    assert len(changed) == len(clean)
    assert changed.dtype == np.float32
    assert not np.allclose(changed, clean)
    for start in range(0, len(clean), MASTER_RATE_HZ):
        part = slice(start, start + MASTER_RATE_HZ)
        products = correlate(changed[part], clean[part], "full", method="fft")
        assert np.argmax(products) == len(clean[part]) - 1


@pytest.mark.parametrize("kind", ["music_db", "noise_db"])
@pytest.mark.parametrize("level_db", [-25.0, -10.0])
def test_a_bed_has_the_level_that_was_asked_for(kind, level_db, clean):
    bed = produced(clean, **{kind: level_db}) - clean
    assert 20 * np.log10(rms(bed) / rms(clean)) == pytest.approx(level_db, abs=0.1)
    # It goes on while nobody speaks.
    pauses = bed.reshape(6, -1)[:, MASTER_RATE_HZ // 2 :]
    assert min(map(rms, pauses)) > 0.3 * rms(bed)


def test_a_longer_reverberation_dies_away_later(clean):
    def tail_db(reverb_sec: float, after_sec: float) -> float:
        wet = produced(clean, reverb_sec=reverb_sec)
        start = int((0.5 + after_sec) * MASTER_RATE_HZ)
        return 20 * np.log10(rms(wet[start : start + 500]) / rms(clean))

    assert tail_db(0.8, 0.02) > -30
    assert tail_db(0.8, 0.02) > tail_db(0.8, 0.3) + 10
    assert tail_db(0.8, 0.3) > tail_db(0.25, 0.3) + 10


def test_the_sum_never_clips(clean):
    loud = produced(10 * clean, music_db=20.0)
    assert 0.9 < np.abs(loud).max() <= 0.9901


def test_the_seed_and_the_recording_decide_alone(clean):
    options = EFFECTS["all"]
    first = produced(clean, **options)
    assert np.array_equal(first, produced(clean, **options))
    assert not np.allclose(first, produced(clean, seed=1, **options))
    assert not np.allclose(first, produced(clean, recording_id="s", **options))


def test_a_take_knows_when_each_block_begins():
    take = Take()
    take.pause(0.25)
    assert take.add(np.ones(100, np.float32)) == pytest.approx(0.25, abs=1e-4)
    take.pause(0)
    assert take.now_sec == pytest.approx(take.samples / MASTER_RATE_HZ)
    assert np.concatenate(take.blocks).sum() == 100
    assert len(np.concatenate(take.blocks)) == take.samples
