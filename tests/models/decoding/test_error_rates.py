import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from models.decoding.error_rates import (
    EditCounts,
    ErrorRates,
    Transcript,
    error_rates,
    letter_edits,
    rates_by_language,
)

words = st.lists(st.text("abc", min_size=1, max_size=4), max_size=5).map(" ".join)
transcripts = st.lists(
    st.builds(
        Transcript,
        language=st.sampled_from(["eng", "swh"]),
        reference=words,
        heard=words,
        duration_sec=st.floats(1, 20),
    ),
    max_size=8,
)


@settings(max_examples=40)
@given(transcripts)
def test_counts_are_those_of_the_edit_distance(rows):
    rates = error_rates(rows)
    letters = [(r.reference.replace(" ", ""), r.heard.replace(" ", "")) for r in rows]
    assert rates.letters.errors == sum(Levenshtein.distance(a, b) for a, b in letters)
    assert rates.letters.length == sum(len(a) for a, _ in letters)
    pairs = [(r.reference.split(), r.heard.split()) for r in rows]
    assert rates.words.errors == sum(Levenshtein.distance(a, b) for a, b in pairs)
    assert rates.words.length == sum(len(a) for a, _ in pairs)
    assert rates.clips == len(rows)


@settings(max_examples=40)
@given(transcripts)
def test_languages_pool_to_the_whole(rows):
    pooled = sum(rates_by_language(rows).values(), ErrorRates())
    whole = error_rates(rows)
    assert (pooled.letters, pooled.words) == (whole.letters, whole.words)
    assert pooled.duration_sec == pytest.approx(whole.duration_sec)


def test_long_clips_count_more_than_short_ones():
    rows = [
        Transcript(language="eng", reference="a" * 98, heard="a" * 98),
        Transcript(language="eng", reference="bb", heard="cc"),
    ]
    assert error_rates(rows).cer == 0.02


def test_a_clip_without_text_adds_what_was_heard_in_it():
    said = Transcript(language="eng", reference="ab cd", heard="ab cd")
    silence = Transcript(language="eng", reference="", heard="x yz")
    rates = error_rates([said, silence])
    assert rates.letters == EditCounts(hits=4, insertions=3)
    assert rates.words == EditCounts(hits=2, insertions=2)
    assert (rates.cer, rates.wer) == (0.75, 1.0)


def test_without_any_text_there_is_no_rate():
    silence = Transcript(language="eng", reference="", heard="x")
    for rates in (error_rates([]), error_rates([silence])):
        assert math.isnan(rates.cer)
        assert math.isnan(rates.wer)


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_edits_of_letters_are_those_of_transcripts(reference, heard):
    said = Transcript(language="swh", reference=reference, heard=heard)
    counts, expected = letter_edits(reference, heard), error_rates([said]).letters
    assert (counts.errors, counts.length) == (expected.errors, expected.length)
