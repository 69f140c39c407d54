"""Beam's ways where they are not ours: its options, and errors that it wraps."""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import schemas.errors
from schemas.errors import ClusterFailed, ConfigError, PericopeError

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

StageCounts: TypeAlias = dict[str, Counter[str]]
"""How many items of each stage were done, rejected, reused; see ``Step.attempt``."""

# The last line of a traceback of one of our errors.
_OURS = re.compile(r"^schemas\.errors\.(?P<name>\w+): (?P<message>.*)$", re.M)
_ADDED = re.compile(r" \[while running '[^']*'\]")
# They log the traceback of an error that is raised anyway.
_TALKATIVE = ("apache_beam.runners.common", "apache_beam.runners.worker.sdk_worker")
_TRACEBACK = "Traceback (most recent call last):"
# How an error of Beam's begins when a job server gave up on a pipeline.
_GAVE_UP = re.compile(
    r"Pipeline \S+ failed in state (?P<state>[A-Z]+): (?P<why>.*)", re.S
)


def pipeline_options(arguments: Sequence[str]) -> "PipelineOptions":
    """Return Beam's options; Beam itself would only warn of those it does not know.

    Raises:
      ConfigError: there is no such option.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    options = PipelineOptions(list(arguments))
    known = options.get_all_options()
    unknown = set(options.get_all_options(retain_unknown_options=True)) - set(known)
    if unknown:
        raise ConfigError(
            f"--{min(unknown)}: expected an option of Beam's after --, "
            "this is none; its documentation lists them by runner"
        )
    return options


def hush() -> None:
    """Keep Beam from writing tracebacks of errors that it also raises."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger().addFilter(_is_no_echo)
    from apache_beam.runners.worker import sdk_worker

    # Where workers are threads, they print it as well.
    vars(sdk_worker)["print"] = _nothing


def _nothing(*_: object, **__: object) -> None:
    """Stand in for ``print``."""


def _is_no_echo(record: logging.LogRecord) -> bool:
    """Tell whether a record is more than a job server's message that is raised, too."""
    return record.module != "portable_runner"


def counted_stages(result: Any) -> StageCounts:
    """Return the stages' counters of a finished pipeline."""
    counts: StageCounts = {}
    for found in result.metrics().query()["counters"]:
        name, number = found.key.metric, found.committed
        stage = counts.setdefault(name.namespace, Counter())
        stage[name.name] += number if number is not None else found.attempted or 0
    return counts


def own_error(error: RuntimeError | PericopeError) -> PericopeError | None:
    """Return our error that made a stage fail, None if it was no error of ours.

    Some of Beam's engines hand on errors of stages as text, with the traceback; all
    add where it happened.
    """
    if isinstance(error, PericopeError):
        return type(error)(_ADDED.sub("", str(error)))
    found = list(_OURS.finditer(str(error)))
    kind = getattr(schemas.errors, found[-1]["name"], None) if found else None
    if isinstance(kind, type) and issubclass(kind, PericopeError):
        return kind(_ADDED.sub("", found[-1]["message"]))
    gave_up = _GAVE_UP.match(str(error))
    if gave_up is None:
        return None
    return ClusterFailed(
        f"the cluster gave up on the run ({gave_up['state'].lower()}): "
        f"{_root_cause(gave_up['why'])}; its logs tell more. What is done is kept: "
        "start the run again"
    )


def _root_cause(told: str) -> str:
    """Return the last line of a worker's traceback, else what Java's error begins with.

    A worker's traceback is quoted within Java's, whose own lines begin with a tab.
    """
    lines = [line for line in told.splitlines() if line.strip()]
    ours = [n for n, line in enumerate(lines) if _TRACEBACK in line]
    if not ours:
        return lines[0] if lines else "unknown error"
    ends = (line for line in lines[ours[-1] + 1 :] if not line.startswith((" ", "\t")))
    return _ADDED.sub("", next(ends, lines[0]))
