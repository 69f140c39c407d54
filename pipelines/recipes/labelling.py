"""The step of a recipe in which a teacher labels audio without text."""

from dataclasses import replace
from functools import partial

from pipelines.config import CorpusConfig
from pipelines.criteria import Criteria, Rule
from pipelines.label import prepare_labels, run_labels
from pipelines.recipes.clips import clips_digest, model_digest
from pipelines.recipes.config import RecipeConfig
from pipelines.recipes.lesson import network_of
from pipelines.recipes.plan import Result, Step, Workplace
from pipelines.select import select_segments


def label_step(
    name: str,
    config: RecipeConfig,
    corpus: CorpusConfig,
    teacher: Step,
    where: tuple[str, ...] = (),
) -> Step:
    """Return the step that writes ``labels/<name>-<digest>`` of the corpus.

    With rules also the selection of the same name.

    Args:
      name: of the step.
      config: of the recipe.
      corpus: as it was run; its [label] says how to decode.
      teacher: the lesson of the network that labels.
      where: rules that labels have to meet to be learned; none: all of them are.
    """
    label = corpus.label
    lm = model_digest(f"lm:{label.lm}") if label.lm else ""
    settings = {
        "clips": clips_digest(config),
        "decoder": [lm, label.lm_weight, label.unit_score, label.beam],
        "where": list(where),
    }
    if where:  # what rules may ask about
        known = [label.known_from, label.known_clips]
        heard = model_digest(f"lid:{label.identifier}") if label.identifier else ""
        settings |= {"known": known, "identifier": heard}
    says = f"labels of {teacher.name} for speech without text"
    if where:
        says += f", those with {' and '.join(where)} to be learned"
    run = partial(_label, config, corpus, teacher, where)
    return Step(name, says, settings, run, (teacher,))


def _label(
    config: RecipeConfig,
    corpus: CorpusConfig,
    teacher: Step,
    where: tuple[str, ...],
    place: Workplace,
) -> Result:
    labels = place.folder.name
    own = replace(corpus.label, teacher=network_of(place, teacher), rejected_by="")
    model = replace(corpus.model, device=config.device)
    job = prepare_labels(
        replace(corpus, label=own, model=model), labels, [config.language]
    )
    summary = run_labels(job, "plain")
    found = summary["languages"][config.language]
    place.tell(f"{found['labels']} labels of {found['hours']:.2f} h")
    told = {"labels": labels, "clips": found["labels"], "hours": found["hours"]}
    if not where:
        return told
    criteria = Criteria(tuple(Rule(text) for text in where), labels=labels)
    summary = select_segments(job.context.root, labels, criteria).summary
    kept = summary["languages"][config.language]
    place.tell(f"{kept['kept_segments']} of them kept, {kept['kept_hours']:.2f} h")
    return {
        **told,
        "selection": labels,
        "kept_clips": kept["kept_segments"],
        "kept_hours": kept["kept_hours"],
    }
