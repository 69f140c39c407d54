"""Freed blocks go back to the system: measured in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import numpy as np
from pipelines.memory import return_freed_memory

assert return_freed_memory()

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

np.ones(24 << 20, np.uint8)  # freed: glibc now keeps blocks up to this size
blocks, between = [], []
for _ in range(8):
    blocks.append(np.ones(16 << 20, np.uint8))
    between.append(np.ones(200_000, np.uint8))
full = resident()
blocks.clear()
print((full - resident()) >> 20)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_large_blocks_go_back_to_the_system():
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 120
