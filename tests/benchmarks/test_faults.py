"""Planted faults are what they say, where they say."""

import random

import numpy as np
import pytest

from aligner.clipping import clip_level
from aligner.repetition import repeated_share
from aligner.scripts import main_script, share_in_script
from benchmarks import faults
from benchmarks.faults import Reading
from models import sound
from schemas.units import SAMPLE_RATE_HZ
from tests.benchmarks.truths import truth_of
from tests.builders import make_chapter, spoken

CHAPTER = make_chapter([spoken(f"Mvua {n} ndogo, kubwa haba.") for n in "abcdefg"])
TRUTH = truth_of(CHAPTER)


def reading() -> Reading:
    samples = round(CHAPTER.duration_sec * SAMPLE_RATE_HZ)
    speech_N = np.random.default_rng(1).normal(0, 0.1, samples).astype(np.float32)
    return Reading.of(speech_N, TRUTH)


@pytest.mark.parametrize("fault", [faults.noise(-10.0), faults.music(-10.0)])
def test_what_is_added_has_its_level(fault):
    before = reading()
    after = fault(before, random.Random(1))
    added_N = after.waveform_N - before.waveform_N
    ratio = sound.rms(added_N) / sound.rms(before.waveform_N)
    assert 20 * np.log10(ratio) == pytest.approx(-10, abs=0.01)
    assert after.faulty == frozenset(verse.number for verse in TRUTH.verses)
    assert not before.faulty


def test_clipping_holds_the_asked_share_at_the_top():
    clipped_N = faults.clipping(0.01)(reading(), random.Random(1)).waveform_N
    magnitude = np.abs(clipped_N)
    assert np.mean(magnitude == magnitude.max()) == pytest.approx(0.01, rel=0.01)
    assert clip_level(clipped_N) <= magnitude.max() < 1
    assert clipped_N.dtype == np.float32


def test_pauses_part_two_words_of_every_verse():
    before = reading()
    after = faults.long_pauses(before, random.Random(1))
    grown = len(after.waveform_N) - len(before.waveform_N)
    assert grown == len(TRUTH.verses) * 2.5 * SAMPLE_RATE_HZ
    word = TRUTH.verses[0].words[2]
    at = round(word.start_sec * SAMPLE_RATE_HZ)
    assert (
        sound.rms(after.waveform_N[at : at + 40_000])
        < sound.rms(before.waveform_N) / 99
    )
    kept = np.array_equal(
        after.waveform_N[at + 40_000 :][:999], before.waveform_N[at:][:999]
    )
    assert kept


@pytest.mark.parametrize(
    "fault", [faults.text_twice_as_long, faults.repeated_words, faults.other_script]
)
def test_a_text_is_spoiled_in_the_verses_that_are_named(fault):
    before = reading()
    after = fault(before, random.Random(1))
    assert after.waveform_N is before.waveform_N
    pairs = zip(before.chapter.verses, after.chapter.verses, strict=True)
    assert {a.number for a, b in pairs if a.text != b.text} == after.faulty
    assert 0 < len(after.faulty) <= 2


def spoiled_text(fault) -> str:
    after = fault(reading(), random.Random(1))
    return next(v.text for v in after.chapter.verses if v.number in after.faulty)


def test_a_text_is_spoiled_as_it_is_said():
    own = reading().chapter.verses[0].text
    assert len(spoiled_text(faults.text_twice_as_long)) == 2 * len(own) + 1
    repeated = spoiled_text(faults.repeated_words)
    assert repeated_share(repeated, "swh") == 3 / 8
    other = spoiled_text(faults.other_script)
    assert main_script(own) == "Latn"
    assert len(other.split()) == 5
    assert 0.3 < share_in_script(other, "Latn") < 0.9
