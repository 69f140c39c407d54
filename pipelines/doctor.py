"""Is this machine able to run Pericope? One check a line, each with what to do."""

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aligner.ffmpeg import ffmpeg_program
from schemas.errors import PericopeError

OUR_PACKAGES = ("aligner", "models", "pipelines", "schemas")
DISTRIBUTION = "pericope"


@dataclass(frozen=True)
class Finding:
    """The outcome of one check; ``needed`` ones must hold for `pericope run`."""

    name: str
    holds: bool
    detail: str
    needed: bool = True


def examine() -> list[Finding]:
    """Run every check."""
    checks: Iterable[Callable[[], Finding]] = (
        _python,
        _packages,
        _ffmpeg,
        _kernel,
        _model,
        _devices,
        _voice,
        _disk,
    )
    return [check() for check in checks]


def foreign_packages(distributions: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return which of our package names other installed distributions provide, too.

    ``models``, ``schemas``, ``pipelines`` and ``aligner`` are also names of packages on
    the index, and pip overwrites one with the other without a word.

    Args:
      distributions: as ``importlib.metadata.packages_distributions`` returns it.
    """
    found = {
        name: sorted(set(distributions.get(name, ())) - {DISTRIBUTION})
        for name in OUR_PACKAGES
    }
    return {name: others for name, others in found.items() if others}


def what_runs_where(names: Sequence[str], workers: int) -> str:
    """Tell the devices, and what `pericope run` does on each by default.

    Args:
      names: of the CUDA devices, by number.
      workers: recordings side by side.
    """
    if not names:
        return f"no CUDA device; model and all else on the CPU, {workers} recordings"
    others = ""
    if len(names) > 1:
        further = ", ".join(f"cuda:{k} ({names[k]})" for k in range(1, len(names)))
        others = f"; the same in a process each on {further}"
    return (
        f"model on cuda:0 ({names[0]}), one recording at a time; all else on the CPU, "
        f"{workers} recordings{others}"
    )


def _python() -> Finding:
    version = sys.version_info[:2]
    holds = version in ((3, 11), (3, 12))
    return Finding("Python", holds, f"{version[0]}.{version[1]} (3.11 or 3.12 needed)")


def _packages() -> Finding:
    foreign = foreign_packages(importlib.metadata.packages_distributions())
    if not foreign:
        return Finding("package names", True, "no other distribution uses ours")
    named = "; ".join(f"{name}: {', '.join(who)}" for name, who in foreign.items())
    return Finding(
        "package names",
        False,
        f"also provided by other distributions ({named}): uninstall those, or give "
        "Pericope an environment of its own",
    )


def _ffmpeg() -> Finding:
    program = ffmpeg_program()
    try:
        done = subprocess.run(
            [program, "-version"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("ffmpeg", False, f"{program} does not run: {error}")
    return Finding("ffmpeg", True, f"{done.stdout.splitlines()[0]} ({program})")


def _kernel() -> Finding:
    import numpy as np

    from aligner.viterbi import forced_align

    emissions = np.log(np.array([[0.1, 0.9], [0.9, 0.1], [0.1, 0.9]], np.float32))
    path = forced_align(emissions, np.array([1, 1], np.int32))
    holds = path.frames.tolist() == [1, 0, 1]
    return Finding("alignment kernel", holds, f"numba compiled it: {path.frames}")


def _model() -> Finding:
    from models import load_acoustic_model

    try:
        model = load_acoustic_model("bundled", "cpu")
    except PericopeError as error:
        return Finding("bundled model", False, str(error))
    return Finding("bundled model", True, f"loads ({model.fingerprint[:12]})")


def _devices() -> Finding:
    import torch

    from models.devices import choose_device
    from pipelines.sharing import default_workers

    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = [torch.cuda.get_device_name(number) for number in range(found)]
    workers = default_workers(choose_device("auto"))
    return Finding("devices", True, what_runs_where(names, workers), needed=False)


def _voice() -> Finding:
    holds = importlib.util.find_spec("espeakng_loader") is not None
    detail = "installed" if holds else "not installed: pip install 'pericope[synth]'"
    return Finding("speech synthesis", holds, detail, needed=False)


def _disk() -> Finding:
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    detail = f"{free_gb:.0f} GB free here (clips take about 0.1 GB an hour, twice)"
    return Finding("disk", free_gb > 1, detail)
