"""``pericope prune``: what the store has that no run as configured would use."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipelines.addresses import local_path_of
from pipelines.alone import alone_in
from pipelines.context import RunContext, loaded_model
from pipelines.cut_recording import INDEX
from pipelines.digests import OWN_NAME, files_below, forget_missing
from pipelines.fetch_recording import STAGE as FETCH
from pipelines.job import Job
from pipelines.needed import STAGES, Needed, needed_results
from pipelines.second_model import STAGE as SECOND
from pipelines.second_model import SUFFIX as SECOND_SUFFIX
from pipelines.store import Store, filesystem_of
from schemas.errors import ArtifactError, ConfigError

_DOWNLOAD = re.compile(r"(?P<entry>[0-9a-f]{64}).*")
_UNFINISHED = "unfinished"


@dataclass(frozen=True, order=True)
class StagePruned:
    """What a stage has in the store, and how much of it is of no use."""

    stage: str
    kept_files: int
    kept_bytes: int
    unused_files: int
    unused_bytes: int


def prune_store(
    job: Job, *, delete: bool, missing_too: bool = False
) -> list[StagePruned]:
    """Find results that the next run would not use, and delete them if told to.

    Results of other commands than ``pericope run`` stay, and so does what the second
    round of ``pericope realign`` uses. Unfinished downloads stay where their source is
    still wanted.

    Args:
      job: the run.
      delete: do it; else it is only told.
      missing_too: delete also what may belong to recordings whose sources are not at
        hand: without their digests their results cannot be named.

    Raises:
      ConfigError: a run is at work on the corpus, or there are such recordings.
      ArtifactError: it has no store, or a result that has to be read is damaged.
    """
    root, store = job.context.output, job.context.store
    filesystem, place = filesystem_of(f"{root}/store")
    if not filesystem.isdir(place):
        raise ArtifactError(f"{root}/store: expected the store of a corpus, found none")
    # No server is asked anew whether sources have changed: the run does that.
    job = replace(job, context=replace(job.context, asked_since_sec=0.0))
    with alone_in(root):
        needed = needed_results(job.recordings, (job.context, *_second_rounds(job)))
        if delete and needed.unknown and not missing_too:
            raise ConfigError(
                f"{len(needed.unknown)} recordings have sources that are not at hand, "
                f"the first is {needed.unknown[0]}; what belongs to them counts as "
                "unused: run the corpus first, or say --missing-too"
            )
        found = [_pruned(store, stage, needed, delete=delete) for stage in STAGES]
        if delete:
            forget_missing(store)
    return [stage for stage in found if stage.kept_files or stage.unused_files]


def _second_rounds(job: Job) -> Iterator[RunContext]:
    """Yield the settings of runs with models that were trained on this corpus."""
    root = job.context.output
    if local_path_of(root) is None:
        return  # second rounds are made on this machine
    for path in files_below(f"{root}/store/{SECOND}"):
        if path.endswith(SECOND_SUFFIX):
            name = f"bundled:{root}/store/{SECOND}/{path}"
            model = loaded_model(name, job.context.device)
            yield replace(
                job.context, model_name=name, model_fingerprint=model.fingerprint
            )


def _pruned(store: Store, stage: str, needed: Needed, *, delete: bool) -> StagePruned:
    folder = f"{store.root}/store/{stage}"
    sizes = {p: n for p, n in files_below(folder).items() if p != OWN_NAME}
    unused = {p: n for p, n in sizes.items() if p not in needed.paths[stage]}
    if stage == FETCH:
        downloads = _downloads(folder)
        sizes |= downloads
        unused |= {
            path: size
            for path, size in downloads.items()
            if not _is_wanted(path, needed)
        }
    if delete:
        filesystem, place = filesystem_of(folder)
        # An index goes before its pack: where the index is, the pack is whole.
        for path in sorted(unused, key=lambda path: (not path.endswith(INDEX), path)):
            filesystem.rm_file(f"{place}/{path}")
    kept_bytes = sum(sizes.values()) - sum(unused.values())
    counts = len(sizes) - len(unused), kept_bytes, len(unused), sum(unused.values())
    return StagePruned(stage, *counts)


def _downloads(folder: str) -> dict[str, int]:
    """Return what lies there of downloads that did not end, with its sizes."""
    filesystem, place = filesystem_of(f"{folder}/{_UNFINISHED}")
    found = filesystem.find(place, detail=True)
    start = len(place) - len(_UNFINISHED)
    return {path[start:]: int(about["size"]) for path, about in found.items()}


def _is_wanted(path: str, needed: Needed) -> bool:
    match = _DOWNLOAD.fullmatch(path.rpartition("/")[2])
    return match is not None and match["entry"] in needed.downloads
