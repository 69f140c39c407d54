import pytest

from benchmarks.aligner_speed import (
    CHAPTER,
    CTC_SEGMENTATION,
    OURS,
    PLANTED,
    PRUNED,
    RANDOM,
    TORCHAUDIO,
    Run,
    case_figures,
    fastest,
    thread_figures,
)
from benchmarks.problems import planted_problem


def values(figures) -> dict[str, float]:
    return {figure.name: figure.value for figure in figures}


def test_all_align_the_same_problem():
    runs = fastest(planted_problem(600, 60))
    assert all(run.sec > 0 for run in runs.values())
    assert runs[OURS].path.score == runs[PRUNED].path.score
    assert runs[OURS].path.score == pytest.approx(runs[TORCHAUDIO].path.score)
    assert runs[CTC_SEGMENTATION].path.score <= runs[OURS].path.score


def test_ratios_are_of_the_measured_times():
    problem = planted_problem(100, 12)
    paths = {name: run.path for name, run in fastest(problem).items()}
    seconds = {OURS: 1e-6, PRUNED: 5e-7, TORCHAUDIO: 13e-6, CTC_SEGMENTATION: 2e-5}
    runs = {name: Run(sec, paths[name]) for name, sec in seconds.items()}
    figures = case_figures(PLANTED, problem, runs)
    assert {figure.case for figure in figures} == {PLANTED}
    found = values(figures)
    assert found[f"{OURS}, a cell"] == pytest.approx(0.4)  # 2,500 cells in 1 us
    assert found["torchaudio / full"] == pytest.approx(13)
    assert found["torchaudio / pruned"] == pytest.approx(26)
    assert found["ctc-segmentation / full"] == pytest.approx(20)
    assert found["ctc-forced-aligner, published / full"] == pytest.approx(6.25)
    assert {figure.name for figure in figures if figure.is_missed} == {
        "ctc-segmentation / full",
        "ctc-forced-aligner, published / full",
        "torchaudio / pruned",
    }
    names = {RANDOM: 0, CHAPTER: 1}
    for case, aims in names.items():
        pruned = [f for f in case_figures(case, problem, runs) if "/ pruned" in f.name]
        assert sum(figure.has_aim for figure in pruned) == aims


def test_threads_are_measured_by_wall_and_by_processor_time():
    wall, processor = thread_figures(400, 60)
    assert wall.value > 0
    assert processor.value > 0
    assert wall.has_aim
    assert not processor.has_aim
