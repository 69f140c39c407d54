"""Readers whose words are known, held against texts that they read and did not."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.identity import (
    Probes,
    TextLetters,
    Verdict,
    heard_within,
    judge,
    letters_of,
    probe_slices,
)
from aligner.tokens import encode_chapter
from aligner.viterbi import forced_align
from schemas.units import SAMPLE_RATE_HZ
from tests.aligner.spoken import LABELS, SEPARATED, Letters, chapter_of, spoken

PLAIN = Letters()


def invented(seed: int, verses: int = 10) -> list[str]:
    rng = np.random.default_rng(seed)
    letters = list("aeioumnrstkl")
    return [
        " ".join("".join(rng.choice(letters, 5)) for _ in range(7))
        for _ in range(verses)
    ]


def text(verses: list[str], model: Letters = PLAIN) -> TextLetters:
    encoded = encode_chapter(
        chapter_of(*verses), model.labels, model.blank, romanised=True,
        word_separator=model.word_separator,
    )  # fmt: skip
    return letters_of(encoded)


def probes_of(verses: list[str], noise: float = 0.0, model: Letters = PLAIN) -> Probes:
    """Let the model hear some verses, in two probes."""
    half = len(verses) // 2
    heard = [spoken(*part, model=model) for part in (verses[:half], verses[half:])]
    rng = np.random.default_rng(1)
    emissions = []
    for part in heard:
        logits = part.emissions * (0.3 if noise else 1.0)
        logits = logits + noise * rng.normal(size=logits.shape)
        sums = np.log(np.exp(logits).sum(axis=1, keepdims=True))
        emissions.append((logits - sums).astype(np.float32))
    return Probes(tuple(emissions), model.blank, model.hop_samples)


@pytest.mark.parametrize("model", [PLAIN, SEPARATED], ids=["letters", "words"])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_the_text_that_was_read_is_named(model, noise):
    chapters = [invented(seed) for seed in range(6)]
    texts = [text(chapter, model) for chapter in chapters]
    for read, chapter in enumerate(chapters):
        probes = probes_of(chapter[2:8], noise, model)
        own = judge(probes, texts[read], texts[:read] + texts[read + 1 :])
        assert own.verdict is Verdict.OWN
        swapped = judge(probes, texts[read - 1], texts)
        assert (swapped.verdict, swapped.best) == (Verdict.OTHER_CHAPTER, read)
        unknown = judge(
            probes, texts[read - 1], [t for k, t in enumerate(texts) if k != read]
        )
        # Of what is hard to hear nothing is said against all texts.
        assert unknown.verdict is (Verdict.UNSURE if noise else Verdict.OTHER_TEXT)
        assert swapped.own_fit == unknown.own_fit < 2.5
        assert own.own_fit > 4
        assert swapped.best_fit == own.own_fit
        assert own.best_gain < 0
        assert swapped.best_gain > 4


def test_what_chapters_share_decides_nothing():
    """Two chapters are one but for a third of their verses, read by both readers."""
    first = invented(1, 12)
    second = first[:8] + invented(2, 4)
    others = [text(invented(seed)) for seed in range(3, 6)]
    of_both, of_first = probes_of(first[1:8]), probes_of(first[4:])
    for own, other in ((first, second), (second, first)):
        found = judge(of_both, text(own), [text(other), *others])
        assert found.verdict is Verdict.OWN
        assert found.best == 0
    assert judge(of_first, text(first), [text(second)]).verdict is Verdict.OWN
    swapped = judge(of_first, text(second), [*others, text(first)])
    assert swapped.best == 3
    assert swapped.verdict in (Verdict.OTHER_CHAPTER, Verdict.OWN)


def test_another_copy_of_the_own_text_is_no_other_chapter():
    read = invented(1)
    found = judge(probes_of(read), text(read), [text(read), text(invented(2))])
    assert (found.verdict, found.best) == (Verdict.OWN, 1)


def test_without_other_texts_the_own_one_is_judged_alone():
    probes = probes_of(invented(1))
    found = judge(probes, text(invented(1)), [])
    assert (found.verdict, found.best) == (Verdict.OWN, None)
    assert math.isnan(found.best_fit)
    assert math.isnan(found.best_gain)
    assert judge(probes, text(invented(2)), []).verdict is Verdict.OTHER_TEXT


@pytest.mark.parametrize("own", [1, 2])
def test_of_sound_that_is_not_understood_nothing_is_said(own):
    """Where only the model's letters are gone, or where the sound is too short."""
    probes = probes_of(invented(1))
    rng = np.random.default_rng(1)
    mumbled = []
    for emissions_TC in probes.emissions:
        logits = rng.normal(size=emissions_TC.shape)
        sums = np.log(np.exp(logits).sum(axis=1, keepdims=True))
        mumbled.append((logits - sums).astype(np.float32))
    unclear = Probes(tuple(mumbled), 0, 320)
    others = [text(invented(seed)) for seed in (2, 3, 4)]
    assert judge(unclear, text(invented(own)), others).verdict is Verdict.UNSURE
    short = Probes((probes.emissions[0][: 50 * 14],), 0, 320)
    found = judge(short, text(invented(own)), others)
    assert found.verdict is Verdict.UNSURE
    assert math.isnan(found.own_fit)


def test_numbers_are_left_out_and_words_begin_apart():
    letters = text(["seven of 12 men", "and so on"])
    said = "".join(LABELS[token] for token in letters.tokens)
    assert said == "sevenofmenandsoon"
    # "and" begins after 10 letters, which is too near; "so" after 13.
    assert letters.edges.tolist() == [13]
    back = letters.reverse
    assert "".join(LABELS[token] for token in back.tokens) == said[::-1]
    assert back.edges.tolist() == [len(said) - letters.edges[0]]
    assert np.array_equal(back.reverse.edges, letters.edges)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), frames=st.integers(4, 9), length=st.integers(2, 6))
def test_a_probe_finds_the_best_of_all_places(seed, frames, length):
    """Against every pair of a beginning and an end, each aligned by itself."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(frames, 4)) * 2
    emissions = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    emissions = emissions.astype(np.float32)
    tokens = rng.integers(1, 4, length).astype(np.int32)
    edges = np.flatnonzero(rng.random(length - 1) < 0.5).astype(np.int32) + 1
    best = float(emissions[:, 0].astype(np.float64).sum())  # nothing is read
    places = [0, *edges.tolist(), length]
    for start, end in itertools.combinations(places, 2):
        last = frames - int(end < length)
        part = tokens[start:end]
        if last < len(part) + (part[1:] == part[:-1]).sum():
            continue
        score = forced_align(emissions[:last], part).score
        best = max(best, score + emissions[last:, 0].sum())
    probes = Probes((emissions,), 0, 320)
    heard = heard_within(probes, TextLetters(tokens, edges))
    assert heard.shape == (frames,)
    assert heard.sum() == pytest.approx(best, abs=1e-4)


@given(samples=st.integers(1, 10**9))
def test_probes_lie_apart_within_the_recording(samples):
    parts = probe_slices(samples)
    edges = [edge for part in parts for edge in (part.start, part.stop)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= samples
    if samples <= 45 * SAMPLE_RATE_HZ:
        assert parts == [slice(0, samples)]
    else:
        assert [part.stop - part.start for part in parts] == [15 * SAMPLE_RATE_HZ] * 3
