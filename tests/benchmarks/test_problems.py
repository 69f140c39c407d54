import numpy as np
import pytest

from aligner.viterbi import forced_align
from benchmarks.problems import BLANK, planted_problem, random_problem


@pytest.mark.parametrize("make", [random_problem, planted_problem])
def test_a_problem_is_log_probabilities_and_tokens_without_blanks(make):
    problem = make(50, 20)
    sums = np.exp(problem.emissions).sum(axis=1)
    assert sums == pytest.approx(np.ones(50), abs=1e-4)
    assert problem.emissions.dtype == np.float32
    assert problem.tokens.shape == (20,)
    assert problem.tokens.min() > BLANK
    assert problem.cells == 50 * 41
    assert make(50, 20, seed=1).tokens.tolist() != problem.tokens.tolist()


def test_a_planted_path_is_the_likeliest_label_of_nearly_every_frame():
    problem = planted_problem(3000, 400)
    path = forced_align(*problem, BLANK)
    heard = problem.emissions.argmax(axis=1)
    assert np.mean(path.frames == heard) > 0.99
