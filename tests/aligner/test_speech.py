"""What sounds where nobody reads a text: with the real detector on planted sounds."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.audio import decode_audio
from aligner.pauses import level_db
from aligner.speech import Sound, find_speech, listen, loud_level_db
from models.speech_detector import load_speech_detector
from tests.aligner.sounds_without_text import at_level, hiss, quiet, tune

STEP = 512
RATE_HZ = 16_000


@pytest.fixture(scope="module")
def reading(speech):
    waveform_N = decode_audio(speech.audio("swh-luk-001"), max_hours=1)
    return at_level(waveform_N, -20.0)


def heard(waveform_N, start=0):
    loud_db = loud_level_db(level_db(waveform_N))
    return listen(waveform_N, load_speech_detector(), loud_db, start)


def seconds(stretches, sound, low_sec, high_sec) -> float:
    """Return how long a sound is heard between two times."""
    low, high = low_sec * RATE_HZ, high_sec * RATE_HZ
    parts = (
        min(own.end, high) - max(own.start, low)
        for own in stretches
        if own.sound is sound
    )
    return sum(part for part in parts if part > 0) / RATE_HZ


def test_planted_sounds_are_told_apart(reading):
    first, second = reading[: 8 * RATE_HZ], reading[8 * RATE_HZ : 14 * RATE_HZ]
    sounds = [first, tune(6), second, quiet(5), hiss(6), first]
    stretches = heard(np.concatenate(sounds))
    assert seconds(stretches, Sound.SPEECH, 0, 8) > 6
    assert seconds(stretches, Sound.MUSIC, 8, 14) > 4.5
    assert seconds(stretches, Sound.SPEECH, 8.5, 13.5) == 0
    assert seconds(stretches, Sound.SPEECH, 14, 20) > 4.5
    assert seconds(stretches, Sound.SILENCE, 20, 25) > 4.5
    assert seconds(stretches, Sound.NOISE, 25, 31) > 5
    assert seconds(stretches, Sound.SPEECH, 20.5, 30.5) == 0
    assert seconds(stretches, Sound.SPEECH, 31, 39) > 6


@pytest.mark.parametrize(
    ("waveform_N", "sound"),
    [(tune(9, 3), Sound.MUSIC), (hiss(9, 3), Sound.NOISE), (quiet(9), Sound.SILENCE)],
)
def test_one_sound_alone_is_one_stretch(waveform_N, sound):
    """However loud it is, but for what 16 bits hardly hold."""
    (stretch,) = heard(waveform_N)
    assert (stretch.interval, stretch.sound) == ((0, 9 * RATE_HZ), sound)


def test_speech_over_a_tune_is_speech(reading):
    mixed = reading[: 10 * RATE_HZ] + tune(10, level_db=-35.0)
    assert seconds(heard(mixed), Sound.SPEECH, 0, 10) > 7


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 5000, 40_001])
def test_stretches_tile_what_was_heard(reading, samples):
    stretches = heard(reading[:samples], start=1600)
    borders = [(own.start, own.end) for own in stretches]
    assert all(start < end for start, end in borders)
    assert all(left[1] == right[0] for left, right in pairwise(borders))
    if samples:
        assert (borders[0][0], borders[-1][1]) == (1600, 1600 + samples)
    assert all(start % 160 == 0 for start, _ in borders)


def spoken_by_rule(probabilities):
    """Return which steps are speech, one after another: the rule as it is told."""
    marks, speaks = [], False
    for probability in probabilities:
        if probability >= 0.5:
            speaks = True
        elif probability < 0.35:
            speaks = False
        marks.append(speaks)
    for run in runs(marks, False)[1 if not marks[0] else 0 :]:
        if run[1] < len(marks) and (run[1] - run[0]) * STEP < 1600:
            marks[slice(*run)] = [True] * (run[1] - run[0])
    for run in runs(marks, True):
        if (run[1] - run[0]) * STEP < 4000:
            marks[slice(*run)] = [False] * (run[1] - run[0])
    return runs(marks, True)


def runs(marks, wanted) -> list[tuple[int, int]]:
    found, start = [], None
    for number, mark in enumerate([*marks, not wanted]):
        if mark == wanted and start is None:
            start = number
        elif mark != wanted and start is not None:
            found.append((start, number))
            start = None
    return found


@settings(max_examples=200)
@given(
    parts=st.lists(
        st.tuples(st.sampled_from([0.1, 0.34, 0.4, 0.6, 0.9]), st.integers(1, 12)),
        min_size=1,
        max_size=20,
    ),
    missing=st.integers(0, STEP - 1),
)
def test_speech_begins_and_ends_by_the_rule(parts, missing):
    probabilities = np.repeat(
        np.array([value for value, _ in parts], np.float32),
        [count for _, count in parts],
    )
    total = len(probabilities) * STEP - missing
    found = find_speech(probabilities, STEP, total)
    expected = [
        (start * STEP // 160 * 160, min(-(-end * STEP // 160), total // 160) * 160)
        for start, end in spoken_by_rule(probabilities)
    ]
    assert list(found) == expected


def test_the_answer_is_the_same_every_time(reading):
    assert heard(reading) == heard(reading.copy())
