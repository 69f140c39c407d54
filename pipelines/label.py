"""Labelling a corpus: on Beam, and on a plain list without it, with the same bytes."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.devices import choose_device
from pipelines.beam import hush, own_error, pipeline_options
from pipelines.config import CorpusConfig
from pipelines.label_clips import LabelContext, hear_unit
from pipelines.label_store import labels_stem, read_summary
from pipelines.label_tables import write_language_labels, write_summary
from pipelines.label_trust import learn_trust
from pipelines.label_units import LabelUnit, plan_units, read_selections
from pipelines.runners import EMBEDDED, NOWHERE, PLAIN, runner_arguments
from pipelines.sharing import default_workers
from pipelines.store import Store
from pipelines.tables import languages_of
from pipelines.teacher import forget_teacher, teacher_name
from schemas.errors import ConfigError, PericopeError
from schemas.tables import SEGMENT_TABLE


@dataclass(frozen=True)
class LabelJob:
    """What is to be heard, and how."""

    context: LabelContext
    units: tuple[LabelUnit, ...]
    workers: int

    @property
    def duration_sec(self) -> float:
        """Length of all that is heard, known clips included (these twice)."""
        return sum(unit.duration_sec for unit in self.units)


def prepare_labels(
    config: CorpusConfig, name: str, languages: Collection[str] = (), workers: int = 0
) -> LabelJob:
    """Find out what a corpus has without text.

    Args:
      config: of a finished corpus; ``label`` has the choices.
      name: of the labels.
      languages: their codes; none: all that have audio without text.
      workers: units side by side; 0: as many as suit the device.

    Raises:
      ConfigError: there is no such language, selection, teacher or file, or nothing to
        be labeled.
      ArtifactError: shards and tables do not belong together.
    """
    root, label = Store(config.corpus.output).root, config.label
    labels_stem(root, name)
    found = languages_of(root, SEGMENT_TABLE)
    unknown = sorted(set(languages) - set(found))
    if unknown or not found:
        raise ConfigError(
            f"{root}: expected segments{' in ' + unknown[0] if unknown else ''}, found "
            f"{', '.join(found) or 'none'}; finish the corpus with `pericope run`"
        )
    if label.lm and not Path(label.lm).is_file():
        raise ConfigError(f"label.lm: expected an ARPA file, got {label.lm!r}")
    teacher, device = label.teacher or config.model.name, config.model.device
    forget_teacher()
    context = LabelContext(
        root=root,
        name=name,
        teacher=teacher,
        device=device,
        config=label,
    )
    identifier = context.identifier()
    if identifier is not None:
        context = replace(context, settings=(identifier.fingerprint,))
    units, selections = [], read_selections(root, label)
    for language in [code for code in found if code in (languages or found)]:
        splits = label.splits(teacher_name(teacher, language))
        planned = plan_units(root, language, label, splits, selections)
        if any(not unit.is_known for unit in planned):
            units += planned
    if not units:
        raise ConfigError(
            f"{root}: there is no audio without text"
            f"{' in ' + ', '.join(languages) if languages else ''}; segments with text "
            "that a selection rejects are labeled with --rejected-by SELECTION"
        )
    chosen = choose_device(device)
    return LabelJob(context, tuple(units), workers or default_workers(chosen))


def run_labels(
    job: LabelJob, runner: str, beam_arguments: Sequence[str] = ()
) -> dict[str, Any]:
    """Hear all units and write the labels; returns what their summary says.

    Args:
      job: what to do.
      runner: FnApiRunner (embedded), or "plain" for none.
      beam_arguments: further options of Beam.

    Raises:
      ConfigError: there is no such teacher, runner or option.
      ArtifactError: a file of the corpus is damaged.
    """
    if runner not in (EMBEDDED, PLAIN):
        raise ConfigError(f"--runner {runner}: expected {EMBEDDED} or {PLAIN}")
    if runner == PLAIN:
        label_plainly(job)
    else:
        arguments = runner_arguments(runner, job.workers, NOWHERE, beam_arguments)
        label_on_beam(job, arguments)
    return read_summary(job.context.root, job.context.name)


def label_on_beam(job: LabelJob, beam_arguments: Sequence[str]) -> None:
    """Run the stage on Beam; blocks until it is done."""
    logging.disable(logging.WARNING)  # Beam's import complains of Google's libraries
    options = pipeline_options(beam_arguments)
    logging.disable(logging.NOTSET)
    hush()
    import apache_beam as beam

    from pipelines.label_stages import PseudoLabel

    try:
        with beam.Pipeline(options=options) as pipeline:
            units = pipeline | "Units" >> beam.Create(job.units)
            _ = units | "PseudoLabel" >> PseudoLabel(job.context)
    except (RuntimeError, PericopeError) as error:
        own = own_error(error)
        if own is None:
            raise
        raise own from error


def label_plainly(job: LabelJob) -> None:
    """Do the same in this thread."""
    context = job.context
    heard = [hear_unit(unit, context) for unit in job.units]
    trust = learn_trust(heard, context)
    languages = sorted({unit.language for unit in job.units})
    written = [
        write_language_labels(
            language, [h for h in heard if h.unit.language == language], trust, context
        )
        for language in languages
    ]
    write_summary(written, trust, context)
