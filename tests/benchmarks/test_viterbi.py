import numpy as np
import pytest

from aligner.config import BACKENDS
from benchmarks.viterbi import fastest, in_fresh_process, random_problem


def test_the_problem_is_log_probabilities_and_tokens_without_blanks():
    emissions, tokens = random_problem(50, 20)
    assert np.exp(emissions).sum(axis=1) == pytest.approx(np.ones(50), abs=1e-4)
    assert emissions.dtype == np.float32
    assert tokens.min() > 0


def test_all_backends_are_measured_on_the_same_problem():
    problem = random_problem(600, 60)
    scores = {backend: fastest(backend, *problem)[1] for backend in BACKENDS}
    assert scores["viterbi"] == pytest.approx(scores["torchaudio"], abs=1e-2)
    assert scores["ctc-segmentation"] <= scores["viterbi"]


def test_a_long_recording_is_measured():
    took_sec, extra_bytes = in_fresh_process(2_000, 300)
    assert took_sec > 0
    assert extra_bytes >= 0
