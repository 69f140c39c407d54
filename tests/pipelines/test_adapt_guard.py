"""Learning a voice: only from a text that fits, and judged by what was kept from it."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig
from aligner.spelling import Speller
from aligner.text_margin import spelling_loss
from aligner.verse_clips import VerseClip, verse_clips
from models import load_acoustic_model
from models.adapt import VoiceClip, adapt, with_weights
from models.bundled import BundledModel, Calibration
from models.network import AcousticNetwork
from models.waveform_model import WaveformModel
from pipelines.adapt_config import AdaptConfig
from pipelines.adapt_guard import adapt_to_voice, trainable
from pipelines.calibrate import chapter_of
from schemas.alignment import AdaptationOutcome
from tests.models.test_adapt import TINY
from tests.pipelines.corpora import Speech

CONFIG = AdaptConfig(steps=6, learning_rate=1e-3, min_verses=4, min_speech_sec=5.0)


@dataclass(frozen=True)
class Reading:
    """A synthetic chapter: its sound and its verses."""

    waveform: np.ndarray
    clips: tuple[VerseClip, ...]


@pytest.fixture(scope="module")
def model() -> BundledModel:
    return load_acoustic_model("bundled", "cpu")  # type: ignore[return-value]


@pytest.fixture(scope="module")
def reading(speech: Speech, model: BundledModel) -> Reading:
    waveform = decode_audio(speech.audio("swh-luk-001"))
    chapter = chapter_of(speech.truths["swh-luk-001"])
    found = align_chapter(waveform, chapter, model, AlignConfig())
    clips = verse_clips(found, Speller.of(model, "swh"))
    assert len(clips) >= 4
    return Reading(waveform, clips)


def test_the_right_text_is_learnt(reading, model):
    told, weights = adapt_to_voice(model, reading.waveform, reading.clips, CONFIG)
    assert told.outcome is AdaptationOutcome.ADAPTED
    assert told.margin_after > told.margin_before > CONFIG.min_margin
    assert weights


def test_verses_that_were_not_learnt_are_heard_better(reading, model):
    normalise = model.normaliser(reading.waveform)
    voice = [
        VoiceClip(normalise(reading.waveform[c.start : c.end]), c.tokens)
        for c in reading.clips
    ]

    def loss(of: BundledModel) -> float:
        return sum(
            spelling_loss(of.log_probs(clip.waveform_N[None])[0], clip.tokens, 0)
            for clip in voice[1::2]
        )

    own = with_weights(model, adapt(model, voice[::2], steps=6), "own")
    assert loss(own) < loss(model)


def test_a_wrong_text_is_not_learnt(reading, model):
    texts = [clip.tokens for clip in reading.clips]
    shuffled = [
        replace(clip, tokens=text)
        for clip, text in zip(reading.clips, texts[1:] + texts[:1], strict=True)
        if len(text) < clip.samples // 640
    ]
    told, weights = adapt_to_voice(model, reading.waveform, shuffled, CONFIG)
    assert told.outcome is AdaptationOutcome.MARGIN_LOW
    assert told.margin_before < CONFIG.min_margin
    assert np.isnan(told.margin_after)
    assert not weights


def test_what_harms_other_verses_is_not_kept(reading, model):
    config = replace(CONFIG, steps=3, learning_rate=0.3)
    told, weights = adapt_to_voice(model, reading.waveform, reading.clips, config)
    assert told.outcome is AdaptationOutcome.MARGIN_FELL
    assert told.margin_after < told.margin_before
    assert not weights


def test_too_little_is_not_learnt(reading, model):
    seconds = sum(clip.samples for clip in reading.clips) / 16_000
    for config in (
        replace(CONFIG, min_verses=len(reading.clips) + 1),
        replace(CONFIG, min_speech_sec=seconds + 0.1),
        replace(CONFIG, max_speech_sec=5.1, min_speech_sec=5.0),  # it stops early
    ):
        told, weights = adapt_to_voice(model, reading.waveform, reading.clips, config)
        assert told.outcome is AdaptationOutcome.TOO_SHORT
        assert not weights


@dataclass(frozen=True)
class Attentive(BundledModel):
    """Notes what it learns from and what it is asked to judge."""

    notes: list[tuple[str, int]] = field(default_factory=list)

    def training_input(self, waveform_N: np.ndarray) -> torch.Tensor:
        self.notes.append(("learnt", round(float(waveform_N.mean()) / self.gain)))
        return super().training_input(waveform_N)

    def log_probs(self, windows_BN: np.ndarray) -> np.ndarray:
        self.notes.append(("judged", round(float(windows_BN.mean()) / self.gain)))
        return super().log_probs(windows_BN)

    @property
    def gain(self) -> float:
        return float(self.normaliser(WAVEFORM)(np.float32(1.0)))


VERSES = 9
WAVEFORM = np.repeat(np.arange(VERSES, dtype=np.float32), 16_000)
"""Each verse is a second of its own number."""


def test_no_verse_judges_what_was_learnt_from_it():
    network = AcousticNetwork(TINY).eval()
    model = Attentive(network, Calibration(), "tiny")
    clips = [
        VerseClip(16_000 * k, 16_000 * (k + 1), np.array([k + 1, 2], np.int32))
        for k in range(VERSES)
    ]
    config = AdaptConfig(steps=1, min_margin=-1e9, min_speech_sec=1.0, min_verses=4)
    adapt_to_voice(model, WAVEFORM, clips, config)
    even, odd, whole = (set(range(*r)) for r in ((0, 9, 2), (1, 9, 2), (0, 9)))
    phases: list[tuple[str, set[int]]] = []
    for kind, verse in model.notes:
        if not phases or phases[-1][0] != kind:
            phases.append((kind, set()))
        phases[-1][1].add(verse)
    assert phases[:5] == [
        ("judged", whole),  # both folds before anything is learnt
        *(("learnt", odd), ("judged", even)),
        *(("learnt", even), ("judged", odd)),
    ]
    assert phases[5:] in ([], [("learnt", whole)])


def test_a_model_without_weights_cannot_be_trained():
    model = WaveformModel(
        name="tones", fingerprint="tones", labels=("", "a"), blank=0, romanised=True,
        word_separator=None, network=lambda waveforms: waveforms,
        device=torch.device("cpu"), variance_floor=None,
    )  # fmt: skip
    assert trainable(model) is None
