"""Beam's ways where they are not ours: its options, and errors that it wraps."""

import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import schemas.errors
from schemas.errors import ConfigError, PericopeError

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

# The last line of a traceback of one of our errors.
_OURS = re.compile(r"^schemas\.errors\.(?P<name>\w+): (?P<message>.*)$", re.M)
_ADDED = re.compile(r" \[while running '[^']*'\]")
# They log the traceback of an error that is raised anyway.
_TALKATIVE = ("apache_beam.runners.common", "apache_beam.runners.worker.sdk_worker")


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
    from apache_beam.runners.worker import sdk_worker

    # Where workers are threads, they print it as well.
    vars(sdk_worker)["print"] = _nothing


def _nothing(*_: object, **__: object) -> None:
    """Stand in for ``print``."""


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
    return None
