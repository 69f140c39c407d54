import math
from dataclasses import replace

import numpy as np
import pytest

from aligner.edges import LevelTrack
from benchmarks.qualities import (
    BESIDE,
    OF_SOUND,
    OF_TEXT,
    Clips,
    cut_short,
    rank_figures,
)
from tests.builders import make_segment


def chapter(*clips, faulty: tuple[bool, ...] = ()) -> Clips:
    return Clips("swh", clips, faulty or (True,) * len(clips))


def areas(bad: Clips, good) -> dict[str, float]:
    figures = rank_figures("case", [bad], {"swh": good})
    return {figure.name: figure.value for figure in figures}


def test_each_quality_has_its_bad_way():
    good = [make_segment(n, n + 3, clipped_share=0.1, snr_db=30) for n in range(25)]
    bad = chapter(make_segment(clipped_share=0.2, snr_db=10))
    found = areas(bad, good)
    assert found["clips"] == 1
    assert found["clipped_share"] == found["snr_db"] == 1
    assert found["music"] == found["script_share"] == found["score"] == 0.5
    assert set(found) == {"clips", *OF_SOUND, *OF_TEXT, *BESIDE}


def test_only_clips_with_the_fault_count():
    good = [make_segment(n, n + 3, music=0.1) for n in range(25)]
    clips = make_segment(music=0.0), make_segment(music=0.2)
    assert areas(chapter(*clips, faulty=(False, True)), good)["music"] == 1
    assert areas(chapter(*clips), good)["music"] == 0.5


def test_a_rate_is_bad_on_both_sides_of_the_clean_ones():
    good = [make_segment(n, n + 3, chars_per_sec=10 + n % 5) for n in range(25)]
    good = [replace(clip, chars_per_sec_z=clip.chars_per_sec - 12) for clip in good]
    for rate in (2.0, 22.0):
        bad = chapter(make_segment(chars_per_sec=rate))
        assert areas(bad, good)["chars_per_sec_z"] == 1
    few = areas(chapter(make_segment(chars_per_sec=2.0)), good[:5])
    assert math.isnan(few["chars_per_sec_z"])


def test_clips_are_cut_in_the_loud_part():
    level_db = np.full(1000, -60, np.float32)
    level_db[105:295] = -20  # words from 1.05 to 2.95 s
    track = LevelTrack.of(level_db, 160)
    clip = make_segment(1.0, 3.0, edge_start_db=-40.0, edge_end_db=-40.0)
    cut = cut_short(clip, 0.2, track)
    assert (cut.start_sec, cut.end_sec) == pytest.approx((1.2, 2.8))
    assert (cut.edge_start_db, cut.edge_end_db) == pytest.approx((0, 0))
    assert cut.words == clip.words
