"""The measure between two rounds, on real speech with real and with random weights."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig
from models.bundled import BundledModel, Calibration, load_bundled
from models.network import AcousticNetwork, NetworkConfig
from pipelines.calibrate import chapter_of
from pipelines.compare_rounds import (
    WRONG_TEXTS,
    Heard,
    hear,
    keeps_new,
    kept_sec,
    shifted_words,
    spread_verses,
    verses_to_hear,
    wrong_texts,
)
from tests.builders import make_chapter, spoken
from tests.pipelines.corpora import Speech

NAME = "swh-luk-001"


@pytest.fixture(scope="module")
def heard(speech: Speech) -> dict[str, Heard]:
    """All verses of a chapter as the bundled and as a random network hear them."""
    torch.manual_seed(3)
    bundled = load_bundled("cpu")
    network = AcousticNetwork(NetworkConfig()).eval()
    waveform = decode_audio(speech.audio(NAME))
    chapter = chapter_of(speech.truths[NAME])
    alignment = align_chapter(waveform, chapter, bundled, AlignConfig())
    surer = replace(bundled, network=_Surer(bundled.network))
    models = {
        "bundled": bundled,
        "surer": surer,
        "random": BundledModel(network, Calibration(), fingerprint="random"),
    }
    places = verses_to_hear(alignment, [])
    assert len(places) >= 3
    found = {}
    for name, model in models.items():
        pairs = [
            hear(waveform, alignment, k, wrong_texts(alignment, k), model)
            for k in places
        ]
        found[name] = Heard(
            np.array([own for own, _ in pairs]), np.stack([wrong for _, wrong in pairs])
        )
    return found


class _Surer(torch.nn.Module):
    """The same network with sharper probabilities, right and wrong alike."""

    def __init__(self, network: AcousticNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return 1.5 * self.network(features)


def test_the_better_model_is_kept_whichever_is_new(heard):
    gain, error, is_better = keeps_new(heard["random"], heard["bundled"], 2)
    assert is_better and gain > 2 * error > 0
    assert not keeps_new(heard["bundled"], heard["random"], 2)[2]


def test_equal_models_keep_the_old_round(heard):
    gain, _, is_better = keeps_new(heard["bundled"], heard["bundled"], 2)
    assert gain == 0 and not is_better


def test_own_texts_stand_out_for_a_model_that_hears(heard):
    assert heard["bundled"].separations_V.min() > 3
    assert abs(heard["random"].separations_V.mean()) < 2


def test_being_surer_of_everything_counts_for_little(heard):
    raw = [
        (np.nanmean(heard[name].wrong_VK, axis=1) - heard[name].own_V).mean()
        for name in ("bundled", "surer")
    ]
    fair = [heard[name].separations_V.mean() for name in ("bundled", "surer")]
    assert raw[1] > 1.2 * raw[0]
    assert fair[1] < 1.15 * fair[0]


def test_too_few_verses_keep_the_old_round(heard):
    gain, error, is_better = keeps_new(heard["random"], heard["bundled"], 100)
    assert math.isnan(gain) and math.isnan(error) and not is_better


def test_what_was_not_heard_stands_out_by_nothing():
    own = np.array([1.0, math.nan, 1.0])
    wrong = np.array([[3.0, 5.0], [3.0, 5.0], [math.nan, math.nan]])
    assert Heard(own, wrong).separations_V.tolist() == [3.0, 0.0, 0.0]


def test_learned_and_unclear_verses_are_not_heard():
    chapter = make_chapter([spoken("maji moto"), spoken("mvua"), spoken("jua kali")])
    starred = replace(chapter.verses[2], stars=(object(),))
    chapter = replace(chapter, verses=(*chapter.verses[:2], starred))
    middle_sec = chapter.verses[1].start_sec + 0.05
    assert verses_to_hear(chapter, []) == [0, 1]
    assert verses_to_hear(chapter, [(middle_sec, middle_sec + 9)]) == [0]
    assert verses_to_hear(chapter, [(0.0, middle_sec)]) == []


def test_wrong_texts_are_near_in_length_and_never_the_same():
    texts = ["maji", "maji", "mvua", "ng'ombe wote", "jua", "moto moto moto moto"]
    chapter = make_chapter([spoken(text) for text in texts])
    assert wrong_texts(chapter, 0) == [2, 4, 3, 5]
    many = make_chapter([spoken("a" * k) for k in range(1, 20)])
    assert wrong_texts(many, 9) == [8, 10, 7, 11, 6, 12]
    assert len(wrong_texts(many, 0)) == WRONG_TEXTS


def test_the_choice_of_verses_does_not_depend_on_their_order():
    places = [(name, k) for name in "ab" for k in range(20)]
    chosen = spread_verses(places, 7)
    assert chosen == spread_verses(places[::-1], 7) and len(chosen) == 7
    assert {name for name, _ in chosen} == {"a", "b"}


def test_shifts_and_kept_seconds():
    old = make_chapter([spoken("maji moto"), spoken("mvua")])
    first, second = old.verses
    late = replace(first.words[1], start_sec=first.words[1].start_sec + 0.3)
    new = replace(
        old,
        verses=(
            replace(first, words=(first.words[0], late)),
            replace(second, words=(), score=-9.0, start_sec=math.nan),
        ),
    )
    assert shifted_words(old, new) == (2, 3)
    assert shifted_words(old, old) == (0, 3)
    length_sec = first.end_sec - first.start_sec
    assert kept_sec(new, -1.0) == (length_sec, length_sec)
    assert kept_sec(old, 0.0)[0] == 0.0
