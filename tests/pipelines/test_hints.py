"""What an engine is told that workers need, as it stands in the submitted pipeline."""

import pytest

from pipelines.beam import pipeline_options
from pipelines.build import recording_steps
from pipelines.config import RunConfig, load_config
from pipelines.hints import resource_hints
from pipelines.job import prepare_job, with_hints
from pipelines.stages import AttemptStep, beam
from schemas.errors import ConfigError
from schemas.source import Recording
from tests.pipelines.corpora import Speech, write_corpus

T4 = "type:nvidia-tesla-t4;count:1;install-nvidia-driver"
HOUR_BYTES = 3600 * (64_000 + 50 * 29 * 10 + 18_000)


def test_the_longest_recording_or_the_audio_in_flight_decides(speech: Speech):
    recordings = [
        Recording(
            recording_id=job.recording_id,
            language="swh",
            audio=str(speech.audio(job.recording_id)),
        )
        for job in speech.jobs
    ]
    longest_sec = max(truth.duration_sec for truth in speech.truths.values())

    def min_ram(hours: float) -> int:
        hints = resource_hints(recordings, 29, hours, "")
        assert set(hints) == {"min_ram"}
        return int(hints["min_ram"].removesuffix("B"))

    # What else the process has in memory may change a little meanwhile.
    assert min_ram(3.0) - min_ram(1.0) == pytest.approx(2 * HOUR_BYTES, rel=0.1)
    short = min_ram(0.1 * longest_sec / 3600)
    assert short == pytest.approx(min_ram(longest_sec / 3600), rel=0.01)


def test_dataflow_is_told_and_all_steps_of_a_recording_alike(tmp_path, speech: Speech):
    toml = write_corpus(
        tmp_path, speech, speech.rows(), f'[run]\naccelerator = "{T4}"\n'
    )
    job = prepare_job(load_config(toml), 1)
    assert with_hints(job, "flink") is job
    told = with_hints(job, "dataflow").context
    assert told.hints["accelerator"] == T4
    pipeline = beam.Pipeline(options=pipeline_options(["--runner=FnApiRunner"]))
    items = pipeline | beam.Create(job.recordings)
    for step in recording_steps(told):
        items, _ = items | step.stage >> AttemptStep(step, told)
    proto = pipeline.to_runner_api()
    environments = {
        transform.environment_id
        for transform in proto.components.transforms.values()
        if transform.unique_name.endswith("Attempt/ParDo(_AttemptFn)")
    }
    (environment,) = environments  # one: they are fused
    hints = proto.components.environments[environment].resource_hints
    assert hints["beam:resources:accelerator:v1"] == T4.encode()
    assert int(hints["beam:resources:min_ram_bytes:v1"]) > HOUR_BYTES


def test_gpus_cannot_be_fewer_than_none():
    with pytest.raises(ConfigError, match=r"run\.gpus: expected 0 or above, got -1"):
        RunConfig(gpus=-1)
