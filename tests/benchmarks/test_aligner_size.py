import pytest

from benchmarks.aligner_size import (
    FULL,
    PRUNED,
    Usage,
    case_of,
    growth_figures,
    in_new_process,
    usage_figures,
)

SMALL, LARGE = (1_000, 200), (3_000, 600)


def test_both_ways_find_one_path_in_processes_of_their_own():
    full, pruned = (
        in_new_process((3_000, 900), prune=prune, rounds=1) for prune in (False, True)
    )
    assert full.digest == pruned.digest
    assert full.score == pruned.score
    assert full.sec > 0
    assert full.extra_bytes >= 0


def test_growth_is_over_t_times_l_and_pruned_over_t():
    usages = {
        (FULL, SMALL): Usage(1.0, 0, 0.0, ""),
        (FULL, LARGE): Usage(9.0, 0, 0.0, ""),
        (PRUNED, SMALL): Usage(1.0, 0, 0.0, ""),
        (PRUNED, LARGE): Usage(6.0, 0, 0.0, ""),
    }
    full, pruned = growth_figures(usages, SMALL, LARGE)
    assert (full.value, full.is_missed) == (pytest.approx(1.0), False)
    assert (pruned.value, pruned.is_missed) == (pytest.approx(2.0), True)


def test_memory_has_an_aim_up_to_an_hour():
    usage = Usage(2.0, 600_000_000, 0.0, "")
    hour, ten = (180_000, 45_000), (1_800_000, 450_000)
    time, cell, memory = usage_figures(FULL, hour, usage)
    assert time.value == 2.0
    assert cell.value == pytest.approx(2e9 / (180_000 * 90_001))
    assert memory.is_missed
    assert not any(figure.has_aim for figure in usage_figures(FULL, ten, usage))
    assert case_of(hour) == "180k x 45k"
