"""One step on one recording: faults of the input become rejects, others are seen."""

from collections import Counter
from dataclasses import replace

import pytest

from pipelines.attempt import Failure, Step, attempt_all
from pipelines.events import worked
from pipelines.progress import observing
from schemas.errors import ArtifactError, AudioSilent, InputError, TextEmpty
from schemas.segment import Reject
from schemas.source import Recording

RECORDINGS = [
    Recording(recording_id=f"swh-{number}", language="swh", audio=f"/a/{number}.mp3")
    for number in range(4)
]


def step_of(run, duration_of=lambda item: 12.0) -> Step:
    return Step(
        stage="align",
        run=run,
        recording_of=lambda recording: recording,
        told=lambda recording, message: message.replace("/a/", ""),
        duration_of=duration_of,
    )


def odd_ones_fail(recording: Recording) -> str:
    if int(recording.recording_id[-1]) % 2:
        raise TextEmpty(f"{recording.audio}: no words")
    return recording.recording_id


def test_results_and_failures_are_together_as_many_as_items():
    results, failures = attempt_all(step_of(odd_ones_fail), RECORDINGS)
    assert results == ["swh-0", "swh-2"]
    assert failures == [
        Failure(
            Reject("align", f"swh-{n}", "text_empty", f"{n}.mp3: no words", "swh"),
            12.0,
        )
        for n in (1, 3)
    ]  # fmt: skip


@pytest.mark.parametrize("error", [ArtifactError, KeyError, ZeroDivisionError])
def test_faults_of_ours_stop_the_run(error):
    def run(recording):
        raise error("ours")

    with pytest.raises(error):
        step_of(run).attempt(RECORDINGS[0])


def test_the_error_knows_better_how_long_the_audio_is():
    def run(recording):
        raise with_duration

    with_duration = AudioSilent("silent")
    with_duration.duration_sec = 3.5
    failure = step_of(run).attempt(RECORDINGS[0])
    assert isinstance(failure, Failure)
    assert failure.duration_sec == 3.5
    assert failure.has_seconds
    assert not Failure(failure.reject).has_seconds
    assert InputError("another").duration_sec is None


def test_a_failure_is_told_as_done():
    with observing(4, None) as observer:
        attempt_all(step_of(odd_ones_fail), RECORDINGS)
        assert (observer.done, observer.hours) == (2, pytest.approx(24 / 3600))


def test_every_item_is_counted_once():
    counts: Counter[str] = Counter()

    def run(recording):
        if recording == RECORDINGS[2]:
            worked()
        return odd_ones_fail(recording)

    step = replace(step_of(run), facts_of=lambda result: {"audio_sec": 1.5})
    attempt_all(step, RECORDINGS, lambda name, number: counts.update({name: number}))
    assert counts == {
        "in": 4,
        "done": 2,
        "reused": 1,
        "rejected": 2,
        "rejected_text_empty": 2,
        "audio_msec": 2 * 1_500 + 2 * 12_000,
    }
