"""What calibration stores takes the constant error out of later alignments."""

from pathlib import Path

import numpy as np
import pytest
import torch

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig
from models.bundled import BundledModel
from models.network import BLANK, LABELS, AcousticNetwork, NetworkConfig
from pipelines.calibrate import calibrate, chapter_of
from pipelines.known_times import alignment_of_known_times
from pipelines.synth.compare import edge_errors
from pipelines.synth.truth import read_truth
from schemas.units import FRAME_SAMPLES, frames_from_sec

LATE_FRAMES = 4
FRAME_SEC = 0.02


class LateNetwork(AcousticNetwork):
    """Hears the letters of every word evenly over its true time, a little late."""

    def __init__(self, folder: Path, late_frames: int) -> None:
        super().__init__(NetworkConfig(outer_channels=4, inner_channels=4))
        self.folder = folder
        self.late_frames = late_frames

    def forward(self, features_BFM: torch.Tensor) -> torch.Tensor:
        frames = -(-features_BFM.shape[1] // 2)
        truth = read_truth(self.folder / "truth" / "calibrate-swh.json")
        waveform = np.zeros(frames * FRAME_SAMPLES, np.float32)
        known = alignment_of_known_times(waveform, chapter_of(truth), truth, "r")
        logits = torch.zeros(1, frames, len(LABELS))
        logits[..., BLANK] = 4
        for verse in known.verses:
            for word, letters in zip(
                verse.words, verse.romanised.split(" "), strict=True
            ):
                first = frames_from_sec(word.start_sec)
                edges = np.linspace(
                    first, frames_from_sec(word.end_sec), len(letters) + 1
                )
                for letter, start, end in zip(letters, edges, edges[1:], strict=False):
                    frame = slice(round(start), round(end))
                    logits[0, frame, LABELS.index(letter)] = 8
        return logits.roll(self.late_frames, dims=1)


@pytest.fixture(scope="module")
def calibrations(tmp_path_factory):
    """Of a network that is on time, and of one that is late."""
    found = {}
    for late in (0, LATE_FRAMES):
        folder = tmp_path_factory.mktemp("calibration")
        lines: list[str] = []
        network = LateNetwork(folder, late)
        calibration = calibrate(
            network, folder, lines.append, languages=("swh",), minutes=0.4
        )
        assert len(lines) == 1
        assert "calibrated on" in lines[0]
        assert not network.training
        found[late] = network, calibration, folder
    return found


def test_a_late_network_is_told_to_be_earlier(calibrations):
    (_, on_time, _), (_, late, _) = (calibrations[key] for key in (0, LATE_FRAMES))
    expected = pytest.approx(-LATE_FRAMES * FRAME_SEC, abs=FRAME_SEC)
    assert late.start_offset_sec - on_time.start_offset_sec == expected
    assert late.end_offset_sec - on_time.end_offset_sec == expected
    assert late.join_offset_sec - on_time.join_offset_sec == expected
    assert abs(on_time.start_offset_sec) < FRAME_SEC
    assert abs(on_time.end_offset_sec) < FRAME_SEC


def test_with_the_offsets_the_median_error_is_zero(calibrations):
    network, calibration, folder = calibrations[LATE_FRAMES]
    model = BundledModel(network, calibration, fingerprint="calibrated")
    truth = read_truth(folder / "truth" / "calibrate-swh.json")
    waveform = decode_audio(folder / "audio" / "calibrate-swh.wav")
    aligned = align_chapter(waveform, chapter_of(truth), model, AlignConfig())
    errors = edge_errors(aligned, truth)
    assert errors.missing_words == 0
    assert np.median(errors.word_start) == pytest.approx(0, abs=0.002)
    assert np.median(errors.word_end) == pytest.approx(0, abs=0.002)


def test_the_threshold_keeps_clean_verses(calibrations):
    network, calibration, folder = calibrations[0]
    model = BundledModel(network, calibration, fingerprint="calibrated")
    truth = read_truth(folder / "truth" / "calibrate-swh.json")
    waveform = decode_audio(folder / "audio" / "calibrate-swh.wav")
    aligned = align_chapter(waveform, chapter_of(truth), model, AlignConfig())
    scores = sorted(verse.score for verse in aligned.verses)
    assert scores[0] - 1e-4 <= calibration.score_threshold <= scores[1] + 1e-4


def test_the_text_of_a_chapter_is_that_of_its_truth(tmp_path):
    path = tmp_path / "t.json"
    path.write_text(
        '{"format":"pericope-truth/1","recording_id":"r","language":"swh",'
        '"duration_sec":1.0,"options":{},"extras":[],"verses":[{"number":"3-4",'
        '"text":"Moja.","read":"never","start_sec":null,"end_sec":null,"words":[]}]}'
    )
    chapter = chapter_of(read_truth(path))
    assert chapter.language == "swh"
    assert [(v.number, v.text) for v in chapter.verses] == [("3-4", "Moja.")]
