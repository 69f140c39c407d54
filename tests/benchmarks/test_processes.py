import sys

import numpy as np
import pytest

from benchmarks.processes import measured
from schemas.errors import PericopeError

MIB = 2**20


def test_the_peak_is_the_commands_own_however_large_we_are():
    ours = np.ones(200 * MIB // 8)
    usage = measured([sys.executable, "-c", f"x = b'x' * {60 * MIB}"])
    assert ours.nbytes == 200 * MIB
    assert 60 * MIB < usage.peak_bytes < 120 * MIB
    assert usage.exit_status == 0
    assert usage.cpu_sec > 0
    assert usage.wall_sec > 0


def test_the_peak_of_a_child_of_the_command_counts_if_it_is_larger():
    large = f"x = b'x' * {60 * MIB}"
    child = f"import subprocess; subprocess.run([{sys.executable!r}, '-c', {large!r}])"
    assert measured([sys.executable, "-c", child]).peak_bytes > 60 * MIB


def test_a_command_that_fails_is_told_with_its_own_words():
    with pytest.raises(PericopeError, match=r"got 1.*out of ink"):
        measured([sys.executable, "-c", "raise SystemExit('out of ink')"])
