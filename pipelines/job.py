"""One run from configuration to corpus.json."""

import logging
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from models.devices import choose_device
from pipelines.addresses import folder_of
from pipelines.alone import alone_in
from pipelines.beam import StageCounts
from pipelines.build import build_on_beam, build_plainly
from pipelines.config import CorpusConfig
from pipelines.context import RunContext, loaded_model, ready_process
from pipelines.digests import run_listed
from pipelines.events import ENDED, FAILED, STARTED, tell
from pipelines.finish import finish_corpus, refuse_second_round
from pipelines.gpu_workers import cut_on_gpus
from pipelines.gpus import gpus_with_worker, visible_gpus
from pipelines.heard_language import identifier_fingerprint
from pipelines.hints import HEEDED_BY, resource_hints
from pipelines.known_texts import store_texts
from pipelines.manifest import Manifest, read_manifest
from pipelines.opinion import opinion_fingerprint
from pipelines.progress import count_again, stages_counted
from pipelines.readers import plan_readers
from pipelines.runners import (
    NOWHERE,
    PLAIN,
    REMOTE,
    Addresses,
    check_output,
    check_runner,
    runner_arguments,
)
from pipelines.sharing import audio_hours, default_workers
from pipelines.store import Store
from schemas.keys import digest_of
from schemas.source import Recording


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
        corpus.manifest,
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
        manifest_folder=folder_of(corpus.manifest),
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
        asked_since_sec=time.time() if config.fetch.check_again else 0.0,
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
        audio_hours_in_flight=audio_hours(
            config.run.max_audio_hours_in_flight, workers
        ),
    )
    return Job(config, manifest, context, workers, threshold)


def run_job(
    job: Job,
    runner: str,
    beam_arguments: Sequence[str] = (),
    addresses: Addresses = NOWHERE,
) -> int:
    """Run the pipeline and finish the corpus; returns the number of rejects.

    Args:
      job: what to do.
      runner: FnApiRunner (embedded), "plain" for none, or a cluster's.
      beam_arguments: further options of Beam.
      addresses: of the cluster.

    Raises:
      ConfigError: there is no such runner, or its cluster cannot be used; an option
        that Beam has not; an output that is no folder, or where another run is at work.
      ArtifactError: a file of the corpus is damaged.
    """
    check_runner(runner)
    check_output(runner, job.context.output)
    arguments: list[str] = []
    if runner != PLAIN:
        arguments = runner_arguments(
            runner,
            job.workers,
            addresses,
            beam_arguments,
            one_process=_wants_gpu(job.config),
        )
    if runner in REMOTE:  # a worker's cores are shared by its slots already
        in_pool = runner != "dataflow"
        context = replace(job.context, window_workers=1, in_pool=in_pool)
        job = replace(job, context=context)
    ready_process(job.context)
    output, store = job.context.output, job.context.store
    with alone_in(output), _telling(job, runner), run_listed(output, store):
        store.remove_leftovers()
        if job.config.identity.check:
            job = knowing_texts(job)
        if runner in REMOTE:
            job = with_hints(job, runner)
        else:
            _cut_on_gpus(job)
        counts = _build(job, runner, arguments)
        stages_counted(counts)
        for stage, counted in counts.items():
            tell("counts", stage=stage, counts=dict(counted))
        if runner in REMOTE:  # of workers that were killed, and replaced since
            store.remove_leftovers()
        return finish_corpus(job.config, job.manifest, job.context, job.threshold)


@contextmanager
def _telling(job: Job, runner: str) -> Iterator[None]:
    """Tell the log when a run begins and how it ends."""
    tell(
        STARTED,
        pid=os.getpid(),
        host=platform.node(),
        runner=runner,
        workers=job.workers,
        recordings=len(job.recordings),
        manifest_rejects=len(job.manifest.rejects),
        work=work_digest(job),
    )
    started_sec = time.monotonic()
    try:
        yield
    except BaseException as error:
        told = {"error": type(error).__name__, "message": str(error)}
        tell(FAILED, level=logging.ERROR, **told)
        raise
    tell(ENDED, seconds=round(time.monotonic() - started_sec, 3))


def work_digest(job: Job) -> str:
    """Name what is to be done: runs of one name go on with each other's work."""
    context, configuration = job.context, job.config.as_dict()
    return digest_of(job.manifest.digest, context.model_fingerprint, configuration)


def knowing_texts(job: Job) -> Job:
    """Return a job whose recordings are held against all texts of the manifest."""
    known = store_texts(job.recordings, job.context.store)
    return replace(job, context=replace(job.context, known_texts=known))


def with_hints(job: Job, runner: str) -> Job:
    """Return a job that tells its engine what workers need, if that engine asks."""
    context, run = job.context, job.config.run
    if runner not in HEEDED_BY:
        return job
    labels = len(context.model().labels) if _needs_model(job.manifest) else 0
    hours = context.audio_hours_in_flight
    hints = resource_hints(job.recordings, labels, hours, run.accelerator)
    return replace(job, context=replace(context, hints=hints))


def _build(job: Job, runner: str, beam_arguments: Sequence[str]) -> StageCounts:
    manifest = job.manifest
    if runner == PLAIN:
        return build_plainly(manifest.recordings, manifest.rejects, job.context)
    rejects = manifest.rejects
    return build_on_beam(manifest.recordings, rejects, job.context, beam_arguments)


def _cut_on_gpus(job: Job) -> None:
    """Have worker processes fill the store, if there are several GPUs for them."""
    if not _needs_model(job.manifest):
        return
    config = job.config
    gpus = gpus_with_worker(config.model.device, config.run.gpus, visible_gpus())
    if gpus:
        for done in cut_on_gpus(job.recordings, job.context, gpus, job.workers):
            key, sec = done.recording_id, done.duration_sec
            tell("cut_on_gpu", recording=key, gpu=done.gpu, audio_sec=sec)
        count_again()


def _wants_gpu(config: CorpusConfig) -> bool:
    """Say whether workers have a GPU, which the machine that submits need not have."""
    return bool(config.run.accelerator) or config.model.device.startswith("cuda")


def _needs_model(manifest: Manifest) -> bool:
    """Tell whether anything is to be aligned: no known times, and not without text."""
    return any(
        recording.text is not None and recording.timing is None
        for recording in manifest.recordings
    )
