"""Segments and decoys of a chapter that the bundled model hears."""

from dataclasses import replace

import numpy as np
import pytest

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig, SegmentConfig
from aligner.emissions import compute_emissions
from aligner.scoring import Heard, score_segments
from aligner.segments import plan_segments
from models import load_acoustic_model
from pipelines.calibrate import chapter_of

CONFIG, CUTS = AlignConfig(), SegmentConfig(target_sec=4.0, min_sec=1.0, max_sec=8.0)


@pytest.fixture(scope="module")
def heard(speech):
    model = load_acoustic_model("bundled", "cpu")
    waveform = decode_audio(speech.audio("swh-luk-001"))
    emissions = compute_emissions(waveform, model, CONFIG)
    chapter = chapter_of(speech.truths["swh-luk-001"])
    return Heard("swh-luk-001", waveform, chapter, model, emissions)


@pytest.fixture(scope="module")
def segments(heard):
    alignment = align_chapter(
        heard.waveform_N, heard.chapter, heard.model, CONFIG,
        recording_id=heard.recording_id, emissions_TC=heard.emissions_TC,
    )  # fmt: skip
    return plan_segments(alignment, CUTS, book="", reader="", drama=False, licence="")


@pytest.fixture(scope="module")
def scores(heard, segments):
    return score_segments(heard, segments, CONFIG, CUTS)


def test_the_text_that_was_read_stands_clear_of_its_decoys(scores, segments):
    assert list(scores.segments) == [segment.key for segment in segments]
    assert len(scores.other_text) > 10
    own = [row.score for row in scores.segments.values()]
    assert min(own) > np.quantile(scores.other_text, 0.9)
    for row in scores.segments.values():
        worse = [
            decoy.confidence < row.own.confidence
            or decoy.extra > row.own.extra
            or decoy.unread > row.own.unread
            for decoy in row.one_word
        ]
        assert np.mean(worse) > 0.7


def test_the_same_again_is_the_same(heard, segments, scores):
    assert score_segments(heard, segments, CONFIG, CUTS) == scores


def test_scores_of_another_model_are_found_anew(heard, segments, scores):
    """One that has learnt the text is surer of it than its decoys' judge."""
    flattered = [replace(segment, score=-0.001) for segment in segments]
    found = score_segments(heard, flattered, CONFIG, CUTS, by_another=True)
    for key, row in scores.segments.items():
        assert found.segments[key].score == pytest.approx(row.score, abs=1e-4)
        assert found.segments[key].own == row.own
    assert found.other_text == scores.other_text
