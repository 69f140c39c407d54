"""Windows: the result is that of the whole recording, however it is cut and batched."""

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.config import AlignConfig
from aligner.emissions import AcousticModel, compute_emissions, read_columns
from schemas.errors import ArtifactError

HOP = 320
REACH = 10  # frames that the model looks to each side


@dataclass
class Convolution:
    """Two filters over the frames' energies, padded with zeros as torch pads."""

    name: str = "convolution"
    fingerprint: str = "0"
    labels: tuple[str, ...] = ("", "a", "b", "|")
    blank: int = 0
    hop_samples: int = HOP
    romanised: bool = True
    word_separator: int | None = 3
    start_offset_sec: float = 0.0
    end_offset_sec: float = 0.0
    join_offset_sec: float = 0.0
    score_threshold: float = -0.2
    window_shapes: list[tuple[int, int]] = field(default_factory=list)
    normalised: int = 0

    def normaliser(self, waveform_N: np.ndarray):
        self.normalised += 1
        scale = np.sqrt(np.mean(np.square(waveform_N, dtype=np.float64)))
        return lambda part_N: (part_N / max(scale, 1e-9)).astype(np.float32)

    def log_probs(self, windows_BN: np.ndarray) -> np.ndarray:
        self.window_shapes.append(windows_BN.shape)
        return np.stack([self._one(window) for window in windows_BN])

    def _one(self, window_N: np.ndarray) -> np.ndarray:
        frames_TH = window_N[: len(window_N) // HOP * HOP].reshape(-1, HOP)
        energy_T = np.log1p(np.square(frames_TH, dtype=np.float64).sum(axis=1))
        taps = np.hanning(REACH + 1)
        for _ in range(2):  # two layers of REACH / 2 frames, with a bias between
            padded = np.pad(energy_T, REACH // 2)
            energy_T = 0.5 + np.tanh(np.convolve(padded, taps, mode="valid"))
        logits_TC = energy_T[:, None] * np.linspace(-2, 2, len(self.labels))
        log_sum_T1 = np.log(np.exp(logits_TC).sum(axis=1, keepdims=True))
        return (logits_TC - log_sum_T1).astype(np.float32)


def recording(samples: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    knots = np.arange(0, samples + 4000, 4000)
    level = np.interp(np.arange(samples), knots, rng.uniform(0, 1, len(knots)))
    return (level * rng.standard_normal(samples)).astype(np.float32)


def whole(waveform_N: np.ndarray) -> np.ndarray:
    """The oracle: one forward pass over everything."""
    model = Convolution()
    padded = np.pad(
        model.normaliser(waveform_N)(waveform_N), (0, -len(waveform_N) % HOP)
    )
    return model.log_probs(padded[None])[0]


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 60 * HOP * 5),
    window_frames=st.integers(1, 60),
    context_frames=st.integers(REACH, 30),
    batch_windows=st.integers(1, 7),
    workers=st.sampled_from([1, 2]),
)
def test_windows_equal_the_whole(
    samples, window_frames, context_frames, batch_windows, workers
):
    config = AlignConfig(
        window_sec=window_frames * HOP / 16_000,
        context_sec=context_frames * HOP / 16_000,
        batch_windows=batch_windows,
    )
    waveform_N = recording(samples)
    emissions_TC = compute_emissions(waveform_N, Convolution(), config, workers=workers)
    assert emissions_TC.dtype == np.float32
    assert emissions_TC.shape == (-(-samples // HOP), 4)
    np.testing.assert_allclose(emissions_TC, whole(waveform_N), atol=1e-5)


def test_batches_and_workers_change_nothing():
    waveform_N = recording(16_000 * 47 + 123)
    results = [
        compute_emissions(
            waveform_N,
            Convolution(),
            AlignConfig(window_sec=2.0, context_sec=0.5, batch_windows=batch),
            workers=workers,
        )
        for batch in (1, 4, 100)
        for workers in (1, 3)
    ]
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


def test_the_input_stays_as_it_is_and_is_normalised_once():
    model = Convolution()
    waveform_N = recording(16_000 * 9)
    before = waveform_N.copy()
    compute_emissions(waveform_N, model, AlignConfig(window_sec=1.0))
    np.testing.assert_array_equal(waveform_N, before)
    assert model.normalised == 1


def test_all_windows_have_one_length():
    """Thirty seconds with three on each side, and batches as asked."""
    model = Convolution()
    compute_emissions(recording(16_000 * 125), model, AlignConfig(batch_windows=2))
    assert model.window_shapes == [(2, 36 * 16_000), (2, 36 * 16_000), (1, 36 * 16_000)]


@pytest.mark.parametrize("sec", [0.5, 30.0, 35.9])
def test_a_short_recording_is_forwarded_once(sec):
    model = Convolution()
    compute_emissions(recording(int(16_000 * sec)), model, AlignConfig())
    assert len(model.window_shapes) == 1
    assert model.window_shapes[0][0] == 1


def test_workers_run_at_the_same_time():
    class Waiting(Convolution):
        def log_probs(self, windows_BN: np.ndarray) -> np.ndarray:
            together.wait()  # passes only if another thread is here too
            return super().log_probs(windows_BN)

    together = threading.Barrier(2, timeout=20)
    config = AlignConfig(window_sec=1.0, context_sec=0.2, batch_windows=1)
    waveform_N = recording(16_000 * 4)
    emissions_TC = compute_emissions(waveform_N, Waiting(), config, workers=2)
    np.testing.assert_allclose(emissions_TC, whole(waveform_N), atol=1e-5)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows[:, :-1], r"convolution: expected .* shape \(1, \d+, 4\)"),
        (lambda rows: rows[:, :, :-1], "shape"),
        (lambda rows: np.where(rows == rows.min(), np.nan, rows), "finite"),
        (lambda rows: np.where(rows == rows.min(), -np.inf, rows), "finite"),
        (lambda rows: 3 * rows, "sum to 1"),
    ],
)
def test_what_is_no_log_probability_is_refused(spoil, message, workers):
    class Spoilt(Convolution):
        def log_probs(self, windows_BN: np.ndarray) -> np.ndarray:
            return spoil(super().log_probs(windows_BN))

    config = AlignConfig(window_sec=1.0, context_sec=0.2, batch_windows=1)
    with pytest.raises(ArtifactError, match=message):
        compute_emissions(recording(16_000 * 5), Spoilt(), config, workers=workers)


def test_the_model_fits_the_protocol():
    model: AcousticModel = Convolution()
    assert model.labels[model.blank] == ""


def test_columns_are_read_without_repeats_and_blanks():
    labels = ("", "a", "b", "|")
    best_T = np.array([0, 1, 1, 0, 1, 2, 2, 3, 3, 0, 2])
    assert read_columns(best_T, labels, blank=0) == "aab|b"
    assert read_columns(best_T[:0], labels, blank=0) == ""
    assert read_columns(best_T[:1], labels, blank=0) == ""
