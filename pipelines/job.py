"""One run from configuration to corpus.json."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.devices import choose_device
from pipelines.alone import alone_in
from pipelines.build import build_on_beam, build_plainly
from pipelines.config import CorpusConfig
from pipelines.context import RunContext, loaded_model
from pipelines.finish import finish_corpus, refuse_second_round
from pipelines.gpu_workers import cut_on_gpus
from pipelines.gpus import gpus_with_worker, visible_gpus
from pipelines.heard_language import identifier_fingerprint
from pipelines.known_texts import store_texts
from pipelines.manifest import Manifest, read_manifest
from pipelines.opinion import opinion_fingerprint
from pipelines.progress import count_again
from pipelines.readers import plan_readers
from pipelines.sharing import audio_hours, default_workers
from pipelines.store import Store
from pipelines.waveforms import BUDGET
from schemas.errors import ConfigError
from schemas.source import Recording

# Beam picks another engine for "DirectRunner" depending on the network and the graph.
_EMBEDDED = "FnApiRunner"


@dataclass(frozen=True)
class Job:
    """A checked configuration, a read manifest and the settings of the stages."""

    config: CorpusConfig
    manifest: Manifest
    context: RunContext
    workers: int
    threshold: float
    """The score that is stored with the model."""

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """The rows that can be worked on."""
        return self.manifest.recordings


def prepare_job(config: CorpusConfig, workers: int = 0) -> Job:
    """Read the manifest and load the model once, to know its name and threshold.

    Raises:
      ConfigError: the manifest or the model cannot be used.
    """
    corpus = config.corpus
    refuse_second_round(Store(corpus.output).root)
    manifest = read_manifest(
        Path(corpus.manifest),
        allow_outside=corpus.allow_outside,
        default_licence=corpus.licence,
    )
    needs_model = _needs_model(manifest)
    if not workers:
        device = choose_device(config.model.device if needs_model else "cpu")
        workers = default_workers(device)
    fingerprint, threshold, licence = "none", 0.0, ""
    if needs_model:
        model = loaded_model(config.model.name, config.model.device)
        fingerprint, threshold = model.fingerprint, model.score_threshold
        licence = model.licence
    context = RunContext(
        output=Store(corpus.output).root,
        manifest_folder=os.path.realpath(Path(corpus.manifest).parent),
        model_name=config.model.name,
        model_fingerprint=fingerprint,
        model_licence=licence,
        criteria=config.select["default"].criteria(threshold),
        device=config.model.device,
        align=config.align,
        adapt=config.adapt,
        readers=plan_readers(manifest.recordings) if config.adapt.enabled else {},
        segment=config.segment,
        fetch=config.fetch,
        opinion=config.opinion,
        opinion_fingerprint=opinion_fingerprint(config.opinion, config.model.device),
        unlabeled=config.unlabeled,
        identifier_fingerprint=identifier_fingerprint(
            config.unlabeled, config.model.device
        ),
        max_hours=config.fetch.max_hours,
        keep_emissions=config.model.keep_emissions,
        samples_per_shard=config.shards.samples_per_shard,
        window_workers=workers,
    )
    return Job(config, manifest, context, workers, threshold)


def run_job(job: Job, runner: str, beam_arguments: Sequence[str] = ()) -> int:
    """Run the pipeline and finish the corpus; returns the number of rejects.

    Args:
      job: what to do.
      runner: FnApiRunner (embedded), another of Beam's, or "plain" for none.
      beam_arguments: further options of Beam.

    Raises:
      ConfigError: DirectRunner, which is another engine from case to case; an option
        that Beam has not; an output that is no folder, or where another run is at work.
      ArtifactError: a file of the corpus is damaged.
    """
    if runner == "DirectRunner":
        raise ConfigError(
            f"--runner DirectRunner: expected {_EMBEDDED} (embedded), plain, or the "
            "runner of a cluster; DirectRunner picks its engine by network and graph"
        )
    asked_hours = job.config.run.max_audio_hours_in_flight
    BUDGET.resize(audio_hours(asked_hours, job.workers) * 3600)
    with alone_in(job.context.output):
        job.context.store.remove_leftovers()
        if job.config.identity.check:
            job = knowing_texts(job)
        if runner in (_EMBEDDED, "plain"):
            _cut_on_gpus(job)
        _build(job, runner, beam_arguments)
        return finish_corpus(job.config, job.manifest, job.context, job.threshold)


def knowing_texts(job: Job) -> Job:
    """Return a job whose recordings are held against all texts of the manifest."""
    known = store_texts(job.recordings, job.context.store)
    return replace(job, context=replace(job.context, known_texts=known))


def _build(job: Job, runner: str, beam_arguments: Sequence[str]) -> None:
    manifest = job.manifest
    if runner == "plain":
        build_plainly(manifest.recordings, manifest.rejects, job.context)
    else:
        arguments = [f"--runner={runner}", *beam_arguments]
        if runner == _EMBEDDED and job.workers > 1:
            arguments += [
                "--direct_running_mode=multi_threading",
                f"--direct_num_workers={job.workers}",
            ]
        build_on_beam(manifest.recordings, manifest.rejects, job.context, arguments)


def _cut_on_gpus(job: Job) -> None:
    """Have worker processes fill the store, if there are several GPUs for them."""
    if not _needs_model(job.manifest):
        return
    config = job.config
    gpus = gpus_with_worker(config.model.device, config.run.gpus, visible_gpus())
    if gpus:
        hours = audio_hours(config.run.max_audio_hours_in_flight, job.workers)
        for _ in cut_on_gpus(job.recordings, job.context, gpus, job.workers, hours):
            pass  # they are counted by themselves
        count_again()


def _needs_model(manifest: Manifest) -> bool:
    """Tell whether anything is to be aligned: no known times, and not without text."""
    return any(
        recording.text is not None and recording.timing is None
        for recording in manifest.recordings
    )
