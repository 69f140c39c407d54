"""Expected error rates against clips whose rates were planted."""

import math
import random

import numpy as np
import pytest

from aligner.cer_line import KnownClip, log_odds_of, share_of
from aligner.expected_cer import (
    bias,
    fit_cer,
    mean_absolute_error,
    of_languages,
)

OFFSETS = {"aaa": -0.4, "bbb": 0.4}
READERS = {"x": -0.2, "y": 0.0, "z": 0.2}


def planted(
    clips: int, seed: int = 1, slope: float = 0.6, languages=OFFSETS, readers=READERS
) -> list[KnownClip]:
    """Clips of which each letter is wrong by chance."""
    rng = np.random.default_rng(seed)
    found = []
    for language, offset in languages.items():
        for number in range(clips):
            reader = list(readers)[number % len(readers)]
            doubt = float(rng.uniform(0.02, 0.4))
            odds = -0.6 + slope * log_odds_of(doubt) + offset + readers[reader]
            letters = int(rng.integers(60, 200))
            found.append(
                KnownClip(
                    language=language,
                    reader=reader,
                    recording_id=f"{language}-{reader}-{number % 9}",
                    sampled_cer=doubt,
                    errors=int(rng.binomial(letters, share_of(odds))),
                    letters=letters,
                )
            )
    return found


def true_cer(doubt: float, language: str, reader: str) -> float:
    odds = -0.6 + 0.6 * log_odds_of(doubt) + OFFSETS[language] + READERS[reader]
    return share_of(odds)


@pytest.mark.parametrize("language", OFFSETS)
@pytest.mark.parametrize("reader", READERS)
def test_planted_rates_are_found_again(language, reader):
    model, _ = fit_cer(planted(200))
    for doubt in (0.05, 0.1, 0.3):
        expected = model.expected(doubt, language, reader)
        assert expected.mean == pytest.approx(
            true_cer(doubt, language, reader), abs=0.02
        )
        assert expected.mean < expected.high


def test_what_is_foretold_of_left_out_recordings_is_not_too_good():
    clips = planted(150, seed=2)
    _, told = fit_cer(clips)
    assert len(told.clips) == len(clips)
    assert abs(bias(told)) < 0.01
    # What chance alone does to clips of 60 to 200 letters.
    assert 0.015 < mean_absolute_error(told) < 0.04
    parts = of_languages(told, OFFSETS)
    assert sum(len(part.clips) for part in parts.values()) == len(clips)


def test_nine_of_ten_new_clips_lie_below_the_upper_end():
    model, _ = fit_cer(planted(200, seed=3))
    new = planted(300, seed=4)
    below = [
        clip.errors / clip.letters
        < model.expected(clip.sampled_cer, clip.language, clip.reader).high
        for clip in new
    ]
    assert np.mean(below) == pytest.approx(0.9, abs=0.04)


def test_the_order_of_the_clips_does_not_matter():
    clips = planted(40)
    shuffled = list(clips)
    random.Random(5).shuffle(shuffled)
    assert fit_cer(shuffled)[0] == fit_cer(clips)[0]


def test_little_is_drawn_to_the_whole():
    """One clip moves its language, and not to where it lies itself."""
    odd = KnownClip(
        language="ccc", reader="x", recording_id="ccc-1", sampled_cer=0.1,
        errors=10, letters=20,
    )  # fmt: skip
    model, _ = fit_cer([*planted(100), odd])
    without, _ = fit_cer(planted(100))
    moved = model.expected(0.1, "ccc", "x").mean
    assert without.expected(0.1, "ccc", "x").mean < moved < 0.4


def test_a_few_wrong_texts_change_little():
    right = planted(100)
    wrong = [
        KnownClip(**{**vars(clip), "errors": round(0.9 * clip.letters)})
        if number % 25 == 0
        else clip
        for number, clip in enumerate(right)
    ]
    rates = [
        fit_cer(clips)[0].expected(0.1, "aaa", "y").mean for clips in (right, wrong)
    ]
    assert rates[1] == pytest.approx(rates[0], abs=0.015)


def test_an_unknown_reader_or_language_widens():
    scattered = {name: offset * 6 for name, offset in READERS.items()}
    model, _ = fit_cer(planted(200, readers=scattered))
    known = model.expected(0.1, "aaa", "y")
    unknown = model.expected(0.1, "aaa", "nobody")
    assert unknown.high - unknown.mean > 1.5 * (known.high - known.mean)
    foreign = model.expected(0.1, "ddd", "nobody")
    assert foreign.high >= unknown.high


def test_with_one_reader_nobody_knows_what_others_would_do():
    alone = planted(60, languages={"aaa": 0.0}, readers={"x": 0.0})
    model, _ = fit_cer(alone)
    assert not math.isnan(model.expected(0.1, "aaa", "x").high)
    assert math.isnan(model.expected(0.1, "aaa", "y").high)
    assert not math.isnan(model.expected(0.1, "aaa", "y").mean)


def test_more_doubt_never_means_fewer_errors():
    """Even where it was so by chance."""
    model, _ = fit_cer(planted(150, slope=-0.5))
    rates = [
        model.expected(doubt, "aaa", "x").mean for doubt in (0.0, 0.01, 0.2, 0.9, 3.0)
    ]
    assert rates == sorted(rates)
    assert model.slope == 0.0


def test_copies_in_noise_teach_the_slope_and_not_the_rate():
    clear = [clip for clip in planted(100, seed=6) if clip.sampled_cer < 0.1]
    noised = [
        KnownClip(**{**vars(clip), "is_noised": True})
        for clip in planted(100, seed=7)
        if clip.sampled_cer > 0.2
    ]
    worse = [
        KnownClip(**{**vars(clip), "errors": min(clip.letters, clip.errors * 2)})
        for clip in noised
    ]
    plain, _ = fit_cer([*clear, *noised])
    spoiled, told = fit_cer([*clear, *worse])
    assert len(told.clips) == len(clear)  # no copy is foretold
    assert spoiled.slope > plain.slope
    at = [model.expected(0.05, "aaa", "x").mean for model in (plain, spoiled)]
    assert at[1] == pytest.approx(at[0], abs=0.02)


def test_more_errors_than_letters_are_no_trouble():
    clips = [
        KnownClip(
            language="aaa", reader="x", recording_id=f"r{n}", sampled_cer=1.5,
            errors=30, letters=10,
        )
        for n in range(25)
    ]  # fmt: skip
    model, told = fit_cer(clips)
    assert model.expected(1.5, "aaa", "x").mean > 0.9
    assert (told.true == 3.0).all()
