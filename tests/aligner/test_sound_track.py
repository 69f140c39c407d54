"""Qualities of sound, against what was mixed in."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.config import SegmentConfig
from aligner.pauses import level_db
from aligner.segments import plan_segments
from aligner.sound_track import SoundTrack, with_sound
from models import sound
from schemas.alignment import ChapterAlignment
from schemas.segment import Segment
from schemas.units import SAMPLE_RATE_HZ, samples_from_sec
from tests.builders import make_chapter, make_segment, spoken

READING = make_chapter(
    [spoken("moja mbili tatu nne tano", pause_sec=0.3) for _ in range(10)]
)


def speech_of(alignment: ChapterAlignment, seed: int = 1) -> np.ndarray:
    """Return noise in every word, its level different, and nothing between."""
    rng = np.random.default_rng(seed)
    samples = np.zeros(samples_from_sec(alignment.duration_sec), np.float32)
    for verse in alignment.verses:
        for word in verse.words:
            start, end = map(samples_from_sec, (word.start_sec, word.end_sec))
            noise = rng.standard_normal(end - start) * rng.uniform(0.05, 0.1)
            samples[start:end] = noise
    return samples


def power_in_words(samples: np.ndarray, segment: Segment) -> float:
    return float(
        np.mean(
            np.concatenate(
                [
                    samples[samples_from_sec(w.start_sec) : samples_from_sec(w.end_sec)]
                    for w in segment.words
                ]
            )
            ** 2
        )
    )


def measured(
    samples: np.ndarray, alignment: ChapterAlignment = READING
) -> tuple[Segment, ...]:
    segments = plan_segments(
        alignment, SegmentConfig(), book="", reader="", drama=False, licence=""
    )
    assert segments
    samples = samples.astype(np.float32)
    return with_sound(segments, samples, level_db(samples), alignment)


@pytest.mark.parametrize("kind", ["white", "room", "brown"])
@pytest.mark.parametrize("snr_db", [5.0, 15.0, 35.0])
def test_the_planted_ratio_is_found(kind, snr_db):
    speech = speech_of(READING)
    rng = np.random.default_rng(7)
    noise = {
        "white": sound.white_noise,
        "room": sound.room_noise,
        "brown": sound.brown_noise,
    }[kind](len(speech), rng)
    first = measured(speech)[0]
    gain = np.sqrt(power_in_words(speech, first) / np.mean(noise**2))
    noise = noise * gain * 10 ** (-snr_db / 20)
    for segment in measured(speech + noise):
        power = power_in_words(speech, segment)
        planted_db = 10 * math.log10(power / np.mean(noise**2))
        assert segment.snr_db == pytest.approx(planted_db, abs=1.5)


def test_breaths_and_unwritten_speech_are_no_noise():
    alignment = make_chapter(
        [spoken("moja mbili tatu nne", pause_sec=0.4) for _ in range(10)], title_sec=2.0
    )
    rng = np.random.default_rng(3)
    speech = speech_of(alignment)
    speech[: 2 * SAMPLE_RATE_HZ] = 0.1 * rng.standard_normal(2 * SAMPLE_RATE_HZ)
    noisy = speech + 0.001 * sound.white_noise(len(speech), rng)
    plain = [segment.snr_db for segment in measured(noisy, alignment)]
    words = [word for verse in alignment.verses for word in verse.words]
    for word in words[::5]:
        start = samples_from_sec(word.start_sec - 0.25)
        noisy[start : start + 1600] += 0.02 * sound.breath(1600, rng)
    breathing = [segment.snr_db for segment in measured(noisy, alignment)]
    assert breathing == pytest.approx(plain, abs=1.0)
    assert min(plain) > 30


def test_noise_in_a_part_of_a_recording_lowers_that_part_alone():
    speech = speech_of(READING)
    rng = np.random.default_rng(4)
    noise = 0.001 * sound.white_noise(len(speech), rng)
    noise[len(noise) // 2 :] *= 30
    first, *_, last = measured(speech + noise)
    assert first.snr_db > last.snr_db + 20


def test_digital_silence_ends_at_60_db_and_noise_alone_at_minus_20():
    speech = speech_of(READING)
    assert {segment.snr_db for segment in measured(speech)} == {60.0}
    noise = sound.white_noise(len(speech), np.random.default_rng(5)) * 0.1
    assert max(s.snr_db for s in measured(noise)) < 0
    assert min(s.snr_db for s in measured(noise)) >= -20


def test_without_pauses_there_is_no_ratio():
    rushed = make_chapter([spoken("moja mbili tatu nne", 0.0, 0.6) for _ in range(8)],
                          lead_sec=0.0, tail_sec=0.0)  # fmt: skip
    found = measured(speech_of(rushed), rushed)
    assert all(math.isnan(segment.snr_db) for segment in found)


def test_planted_silence_is_found():
    speech = speech_of(READING) + 1e-4 * sound.white_noise(
        samples_from_sec(READING.duration_sec), np.random.default_rng(6)
    )
    for segment in measured(speech):
        spoken_sec = sum(w.end_sec - w.start_sec for w in segment.words)
        planted = 1 - spoken_sec / segment.duration_sec
        assert segment.silence_share == pytest.approx(planted, abs=0.05)


def test_planted_clipping_is_found_where_it_is():
    speech = speech_of(READING)
    half = len(speech) // 2
    level = np.quantile(np.abs(speech[half:]), 0.97)
    speech[half:] = np.clip(speech[half:], -level, level)
    speech[:half] *= 0.3
    first, *_, last = measured(speech)
    assert first.clipped_share == 0.0
    start, end = map(samples_from_sec, (last.start_sec, last.end_sec))
    planted = float(np.mean(np.abs(speech[start:end]) >= level * 0.999))
    assert last.clipped_share == pytest.approx(planted, rel=0.15)


def test_music_is_that_of_the_clip():
    speech = speech_of(READING)
    half = len(speech) // 2
    rng = np.random.default_rng(8)
    speech[half:] += 0.05 * sound.music(len(speech) - half, rng)
    first, *_, last = measured(speech)
    assert first.music < 0.5 < last.music


def test_a_recording_without_text_is_measured_too():
    rng = np.random.default_rng(9)
    speech = speech_of(READING)
    noisy = speech + 0.003 * sound.white_noise(len(speech), rng)
    blind = replace(make_segment(1.0, 9.0), text="", words=())
    (found,) = with_sound([blind], noisy.astype(np.float32), level_db(noisy), None)
    words = [w for verse in READING.verses for w in verse.words]
    heard = replace(blind, words=tuple(w for w in words if 1 < w.start_sec < 9))
    planted_db = 10 * math.log10(power_in_words(speech, heard) / 0.003**2)
    assert found.snr_db == pytest.approx(planted_db, abs=1.5)
    assert 0.3 < found.silence_share < 0.6


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 20),
    gain=st.floats(0.05, 4.0),
    noise_db=st.floats(-50, 0),
)
def test_shares_are_shares_and_no_gain_matters(seed, gain, noise_db):
    rng = np.random.default_rng(seed)
    speech = speech_of(READING, seed)
    noisy = sound.mix(speech, sound.room_noise(len(speech), rng), noise_db) * 0.2
    pairs = zip(measured(noisy), measured(noisy * gain), strict=True)
    for segment, louder in pairs:
        assert 0 <= segment.clipped_share <= 1
        assert 0 <= segment.silence_share <= 1
        assert 0 <= segment.music <= 1
        assert -20 <= segment.snr_db <= 60
        assert louder.snr_db == pytest.approx(segment.snr_db, abs=0.05)
        assert louder.silence_share == pytest.approx(segment.silence_share, abs=0.02)


def test_a_stretch_at_the_very_end_is_measured():
    speech = speech_of(READING).astype(np.float32)
    track = SoundTrack.of(speech, level_db(speech), READING)
    end_sec = len(speech) / SAMPLE_RATE_HZ
    tail = track.measured(make_segment(end_sec - 0.02, end_sec))
    assert tail.silence_share == 1.0
    assert math.isnan(tail.snr_db)
