"""On what the figures were taken: hardware, versions, and the model's fingerprint."""

import os
import platform
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from models.catalog import load_acoustic_model

_SHOWN = "pericope torch torchaudio numpy numba apache-beam pyarrow uroman".split()


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a figure cannot be read without."""

    date: str
    processor: str
    cores: int
    memory_gib: float
    load: float
    """Processes that wanted a core in the last minute; well above 0: shared."""
    versions: dict[str, str]
    model: str
    """Fingerprint of the bundled model."""


def describe_machine() -> Machine:
    """Look at this machine and at what is installed."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    versions = {"python": platform.python_version()}
    return Machine(
        date=datetime.now(UTC).date().isoformat(),
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(pages / 2**30, 1),
        load=round(os.getloadavg()[0], 1),
        versions=versions | {name: version(name) for name in _SHOWN},
        model=load_acoustic_model("bundled", "cpu").fingerprint,
    )


def machine_lines(machine: Machine) -> list[str]:
    """Return the description as it stands at the head of a report."""
    shown = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    return [
        f"{machine.date}, {machine.processor}, {machine.cores} cores, "
        f"{machine.memory_gib:g} GiB, load {machine.load:g}",
        shown,
        f"bundled model {machine.model[:16]}",
    ]


def _processor() -> str:
    """Return the processor's name; virtual machines tell little, so the model too."""
    path = Path("/proc/cpuinfo")
    text = path.read_text() if path.is_file() else ""
    facts = dict(re.findall(r"^(model name|model|cpu family)\s*: (.*)$", text, re.M))
    if "model name" not in facts:
        return platform.processor() or platform.machine()
    name = facts["model name"].strip()
    return f"{name} (family {facts.get('cpu family')}, model {facts.get('model')})"
