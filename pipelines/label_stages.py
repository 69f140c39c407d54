"""The Beam stage of labelling. It only wires, like ``pipelines/stages.py``."""

import dataclasses

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.pvalue import AsSingleton

from pipelines.label_clips import HeardUnit, LabelContext, hear_unit
from pipelines.label_tables import write_language_labels, write_summary
from pipelines.label_trust import learn_trust
from pipelines.label_units import LabelUnit


@dataclasses.dataclass
class PseudoLabel(beam.PTransform):
    """LabelUnit → tables of labels and their summary."""

    context: LabelContext

    def expand(self, units):
        """Hear every unit, learn whom to trust, write each language in one place."""
        context = self.context
        heard = units | "Hear" >> beam.Map(_counted, context)
        trust = (
            heard
            | "Known" >> beam.Filter(lambda unit: unit.unit.is_known)
            | "Gather" >> beam.combiners.ToList()
            | "LearnTrust" >> beam.Map(lambda known: learn_trust(known, context))
        )
        return (
            heard
            | "Language" >> beam.Map(lambda unit: (unit.unit.language, unit))
            | "ByLanguage" >> beam.GroupByKey()
            | "WriteLanguage"
            >> beam.Map(
                lambda row, trust: write_language_labels(
                    row[0], row[1], trust, context
                ),
                AsSingleton(trust),
            )
            | "AllLanguages" >> beam.combiners.ToList()
            | "WriteSummary"
            >> beam.Map(
                lambda rows, trust: write_summary(rows, trust, context),
                AsSingleton(trust),
            )
        )


def _counted(unit: LabelUnit, context: LabelContext) -> HeardUnit:
    heard = hear_unit(unit, context)
    Metrics.counter("label", "clips").inc(unit.clips)
    return heard
