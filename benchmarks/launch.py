"""Runs a command as a small process's child and tells what it took, as JSON.

Started by ``benchmarks.processes`` as a script of its own: a child begins with the
memory of the process that forks it, so only a small one can measure another's peak.
"""

import json
import os
import sys
import time

started_sec = time.perf_counter()
child = os.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(
        {
            "wall_sec": time.perf_counter() - started_sec,
            "cpu_sec": usage.ru_utime + usage.ru_stime,
            "peak_bytes": usage.ru_maxrss * 1024,  # Linux counts kilobytes
            "exit_status": os.waitstatus_to_exitcode(status),
        },
        file,
    )
