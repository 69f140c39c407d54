"""One step on one recording: its result, or the reject that it became."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pipelines.disk_full import told_if_full
from pipelines.events import DONE, REJECTED, Attempting, attempting
from pipelines.progress import recording_done
from schemas.errors import InputError
from schemas.segment import Reject
from schemas.source import Recording

Item = TypeVar("Item")
Result = TypeVar("Result")
Count = Callable[[str, int], None]
"""Told what to count, and how many."""


@dataclass(frozen=True)
class Failure:
    """A rejected recording and how long its audio is (None if that is not known).

    Where its audio is of use without its text, ``salvaged`` is what became of that, and
    accounts for the seconds.
    """

    reject: Reject
    duration_sec: float | None = None
    salvaged: Any = None

    @property
    def has_seconds(self) -> bool:
        """Tell whether there is audio to account for."""
        return self.salvaged is None and self.duration_sec is not None


@dataclass(frozen=True)
class Step(Generic[Item, Result]):
    """A plain function with what is needed to report about its input."""

    stage: str
    run: Callable[[Item], Result]
    recording_of: Callable[[Item], Recording]
    told: Callable[[Item, str], str]
    """Return a message with sources named as in the manifest."""
    duration_of: Callable[[Item], float | None] = lambda item: None
    """Measure the audio, where the error does not say how long it is."""
    salvage: Callable[[Item, InputError], Any] = lambda item, error: None
    """Return what can be made of the audio all the same, None if nothing."""
    facts_of: Callable[[Result], dict[str, Any]] = lambda result: {}
    """What the log tells of a result."""

    def attempt(
        self, item: Item, count: Count = lambda name, number: None
    ) -> Result | Failure:
        """Run the step; only an input's own fault becomes a failure.

        Args:
          item: what to work on.
          count: told of one item ``in``, and whether it was ``done`` or ``rejected``
            (also by reason), ``reused`` from the store, and its ``audio_msec``.

        Raises:
          DiskFull: there was no room for what the step writes.
        """
        recording = self.recording_of(item)
        key = recording.recording_id
        with attempting(self.stage, key) as own, told_if_full(key):
            outcome = self._outcome(item, recording)
            _note(own, outcome, self.facts_of)
        count("in", 1)
        for name in (REJECTED, f"{REJECTED}_{own.reason}") if own.reason else (DONE,):
            count(name, 1)
        if not (own.reason or own.has_worked):
            count("reused", 1)
        if "audio_sec" in own.facts:
            count("audio_msec", round(own.facts["audio_sec"] * 1000))
        return outcome

    def _outcome(self, item: Item, recording: Recording) -> Result | Failure:
        try:
            return self.run(item)
        except InputError as error:
            reject = Reject(
                stage=self.stage,
                key=recording.recording_id,
                reason=error.reason,
                message=self.told(item, str(error)),
                language=recording.language,
            )
            salvaged = self.salvage(item, error)
            if salvaged is not None:
                return Failure(reject, salvaged=salvaged)
            duration_sec = error.duration_sec
            if duration_sec is None:
                duration_sec = self.duration_of(item)
            failure = Failure(reject, duration_sec)
            recording_done(failure.duration_sec)
            return failure


def _note(
    own: Attempting, outcome: Any, facts_of: Callable[[Any], dict[str, Any]]
) -> None:
    """Write down for the log what came of an attempt."""
    if not isinstance(outcome, Failure):
        own.facts = facts_of(outcome)
        return
    own.reason = outcome.reject.reason
    own.facts = {"message": outcome.reject.message}
    seconds = outcome.duration_sec
    if outcome.salvaged is not None:
        seconds = outcome.salvaged.duration_sec
    if seconds is not None:
        own.facts["audio_sec"] = seconds


def attempt_all(
    step: Step[Item, Result],
    items: Iterable[Item],
    count: Count = lambda name, number: None,
) -> tuple[list[Result], list[Failure]]:
    """Run a step on a plain list: results and failures, together as many as items."""
    results: list[Result] = []
    failures: list[Failure] = []
    for item in items:
        outcome = step.attempt(item, count)
        if isinstance(outcome, Failure):
            failures.append(outcome)
        else:
            results.append(outcome)
    return results, failures
