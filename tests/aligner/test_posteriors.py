import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from aligner.config import AlignConfig
from aligner.posteriors import word_confidences
from aligner.spans import frame_spans
from aligner.viterbi import forced_align
from tests.aligner.planted import planted
from tests.aligner.spoken import chapter_of, read_chapter, spoken

STAR = 30
FREE = AlignConfig(star_at_start=False, free_star_log_prob=-0.5)


def spellings(emissions, blank):
    """Return the probability of each spelling: the sum over all label sequences."""
    found = defaultdict(float)
    for labels in itertools.product(range(emissions.shape[1]), repeat=len(emissions)):
        word = tuple(
            label
            for t, label in enumerate(labels)
            if label != blank and (t == 0 or labels[t - 1] != label)
        )
        score = sum(emissions[t, label] for t, label in enumerate(labels))
        found[word] += float(np.exp(score))
    return found


def confidences(emissions, words, blank=0, **changes):
    """Align words, tuples of labels or of the star, and return their confidences."""
    tokens = np.array([label for word in words for label in word], np.int32)
    word = np.repeat(np.arange(len(words)), [len(w) for w in words]).astype(np.int32)
    star = np.zeros((len(emissions), 1), np.float32)
    path = forced_align(np.concatenate([emissions, star], axis=1), tokens, blank)
    for name, values in changes.items():
        getattr(path, name)[:] = values
    spans = frame_spans(
        tokens, np.zeros_like(word), word, (path.starts, path.ends), STAR
    )
    return word_confidences(emissions, blank, path, spans)


@st.composite
def hearings(draw):
    frames, labels = draw(st.integers(1, 6)), draw(st.integers(2, 3))
    values = st.floats(-5, 0, width=32) | st.just(-np.inf)
    row = st.lists(values, min_size=labels, max_size=labels)
    rows = row.filter(lambda logits: max(logits) > -np.inf)
    logits = draw(st.lists(rows, min_size=frames, max_size=frames))
    return log_softmax(np.array(logits), axis=1).astype(np.float32), draw(
        st.integers(0, labels - 1)
    )


@given(hearings())
@settings(max_examples=100, deadline=None)
def test_is_the_probability_of_the_spelling_among_all_spellings(hearing):
    emissions, blank = hearing
    all_words = spellings(emissions, blank)
    assert sum(all_words.values()) == pytest.approx(1, abs=1e-5)
    total = 0.0
    for word, probability in all_words.items():
        if word and probability > 0:
            (confidence,) = confidences(emissions, [word], blank)
            again = confidence ** (len(word) + 1)
            assert again == pytest.approx(probability, rel=1e-4, abs=1e-30)
            total += again
    assert total + all_words[()] == pytest.approx(1, abs=1e-5)


def test_a_word_has_the_blanks_around_it_up_to_the_words_beside_it():
    emissions = np.log(np.full((9, 4), 0.02, np.float32))
    for t, label in enumerate([0, 1, 0, 2, 0, 0, 3, 0, 0]):
        emissions[t, label] = np.log(0.94)
    found = confidences(emissions, [(1,), (2,), (3,)])
    for k, (start, end) in enumerate([(0, 3), (2, 6), (4, 9)]):
        near = spellings(emissions[start:end], 0)
        assert found[k] ** 2 == pytest.approx(near[k + 1,], rel=1e-5)


def test_no_more_than_0_4_sec_of_the_blanks():
    emissions, _, _ = planted(101, 1, seed=1)
    emissions[:] = emissions[0]
    emissions[50] = -30.0
    emissions[50, 7] = 0.0
    full = confidences(emissions, [(7,)])
    emissions[:30], emissions[71:] = -5.0, -5.0
    assert confidences(emissions, [(7,)]) == full
    emissions[30] = -5.0
    assert confidences(emissions, [(7,)]) < full


def test_wrong_words_and_unwritten_letters_stand_out():
    emissions, tokens, _ = planted(400, 60, seed=2, noise=0.5)
    words = [tuple(tokens[k : k + 6]) for k in range(0, 60, 6)]
    right = confidences(emissions, words)
    assert right.min() > 0.9
    wrong = list(words)
    wrong[4] = tuple(label % 29 + 1 for label in words[4])
    short = list(words)
    short[4] = words[4][:3]
    for text in (wrong, short):
        found = confidences(emissions, text)
        assert found.argmin() == 4
        assert found[4] < 0.1
        assert np.delete(found, [3, 4, 5]).min() > 0.9


def test_stars_and_words_left_out_have_none():
    emissions, tokens, _ = planted(100, 8, seed=3)
    words = [tuple(tokens[:3]), (STAR,), tuple(tokens[5:])]
    found = confidences(emissions, words)
    assert np.isnan(found[1])
    assert (found[[0, 2]] > 0).all()
    left_out = confidences(emissions, words, starts=-1, ends=-1)
    assert np.isnan(left_out).all()


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("and 12 birds", "and twelve birds"),
        ("12 birds", "twelve birds"),
        ("the 4th bird", "the fourth bird"),
        ("birds 3-4", "birds three four"),
    ],
)
def test_a_number_has_the_confidence_of_the_form_that_was_read(written, plain):
    found = {}
    heard = spoken("in a boat", *plain.split(" "), pause_frames=4)
    heard.emissions[:] = log_softmax(heard.emissions / 1.5, axis=1)
    for text in (written, plain):
        encoded, best = read_chapter(chapter_of("in a boat", text), heard, FREE)
        spans = frame_spans(
            encoded.tokens, encoded.token_verse, encoded.token_word,
            (best.path.starts, best.path.ends), encoded.star,
        )  # fmt: skip
        sure = word_confidences(heard.emissions, 0, best.path, spans)
        found[text] = dict(zip(spans.start_frames.tolist(), sure.tolist(), strict=True))
    assert all(0 < sure < 1 for sure in found[written].values())
    same = found[written].keys() & found[plain].keys()
    assert len(same) == len(found[written])
    if "3-4" not in written:  # two words there
        for start in same:
            assert found[written][start] == pytest.approx(found[plain][start])


def test_a_number_that_was_read_otherwise_has_none():
    heard = spoken("in a boat", "and", "a dozen", "birds", pause_frames=4)
    encoded, best = read_chapter(chapter_of("in a boat", "and 12 birds"), heard, FREE)
    spans = frame_spans(
        encoded.tokens, encoded.token_verse, encoded.token_word,
        (best.path.starts, best.path.ends), encoded.star,
    )  # fmt: skip
    sure = word_confidences(heard.emissions, 0, best.path, spans)
    assert np.isnan(sure).tolist() == spans.is_star.tolist()
    assert spans.is_star.sum() == 1


def test_the_impossible_has_confidence_0():
    emissions, tokens, spoken = planted(60, 6, seed=4)
    words = [tuple(tokens[:3]), tuple(tokens[3:])]
    unheard = emissions.copy()
    unheard[spoken[4] - 2 : spoken[4] + 3, tokens[4]] = -np.inf
    path_tokens = np.array(tokens, np.int32)
    star = np.zeros((60, 1), np.float32)
    path = forced_align(np.concatenate([emissions, star], axis=1), path_tokens)
    spans = frame_spans(
        path_tokens, np.zeros(6, np.int32), np.repeat([0, 1], 3).astype(np.int32),
        (path.starts, path.ends), STAR,
    )  # fmt: skip
    unheard[:, tokens[4]] = -np.inf
    found = word_confidences(unheard, 0, path, spans)
    assert found[1] == 0
    assert len(words) == len(found)
