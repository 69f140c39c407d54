"""Impossible options are refused before anything is spoken."""

import math

import pytest

from pipelines.synth.options import TRAINING_VOICES, UNHEARD_VOICES, ChapterOptions
from schemas.errors import ConfigError


@pytest.mark.parametrize(
    "wrong",
    [
        {"minutes": 0},
        {"minutes": 601},
        {"minutes": math.nan},
        {"words_per_verse": (0, 5)},
        {"words_per_verse": (6, 5)},
        {"pause_sec": (0.5, 0.2)},
        {"pause_sec": (-0.1, 0.2)},
        {"pause_sec": (0.1, math.inf)},
        {"rate": 20},
        {"digits": -1},
        {"omitted": -1},
        {"repeated": -2},
        {"long_pauses": -1},
        {"headings": -1},
        {"reverb_sec": -0.1},
        {"reverb_sec": math.inf},
        {"music_db": math.nan},
        {"noise_db": 200.0},
        {"voices": ()},
        {"drama": True},
        {"drama": True, "voices": ("f2", "f2")},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_by_name(wrong):
    with pytest.raises(ConfigError) as caught:
        ChapterOptions(language="swh", **wrong)
    name = "voices" if "drama" in wrong else next(iter(wrong))
    assert str(caught.value).startswith(f"{name}: expected ")


def test_the_quietest_and_the_shortest_will_do():
    options = ChapterOptions(
        language="swh",
        minutes=0.01,
        words_per_verse=(1, 1),
        pause_sec=(0, 0),
        music_db=-60.0,
        reverb_sec=0.001,
    )
    assert options.minutes == 0.01


def test_no_voice_of_training_is_kept_for_benchmarks():
    assert not set(TRAINING_VOICES) & set(UNHEARD_VOICES)
    assert "" not in TRAINING_VOICES
