"""One step on one recording: its result, or the reject that it became."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pipelines.disk_full import told_if_full
from pipelines.progress import recording_done
from schemas.errors import InputError
from schemas.segment import Reject
from schemas.source import Recording

Item = TypeVar("Item")
Result = TypeVar("Result")


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

    def attempt(self, item: Item) -> Result | Failure:
        """Run the step; only an input's own fault becomes a failure.

        Raises:
          DiskFull: there was no room for what the step writes.
        """
        try:
            with told_if_full(self.recording_of(item).recording_id):
                return self.run(item)
        except InputError as error:
            recording = self.recording_of(item)
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


def attempt_all(
    step: Step[Item, Result], items: Iterable[Item]
) -> tuple[list[Result], list[Failure]]:
    """Run a step on a plain list: results and failures, together as many as items."""
    results: list[Result] = []
    failures: list[Failure] = []
    for item in items:
        outcome = step.attempt(item)
        if isinstance(outcome, Failure):
            failures.append(outcome)
        else:
            results.append(outcome)
    return results, failures
