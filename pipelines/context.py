"""What every stage of a run knows: settings and places, small enough to travel."""

import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from aligner.config import AlignConfig, SegmentConfig
from aligner.emissions import AcousticModel
from models import load_acoustic_model
from pipelines.adapt_config import AdaptConfig
from pipelines.criteria import Criteria
from pipelines.fetch_limits import FetchLimits
from pipelines.opinion_config import OpinionConfig
from pipelines.readers import Readers
from pipelines.run_log import tell_stderr
from pipelines.store import Store
from pipelines.unlabeled_config import UnlabeledConfig
from pipelines.waveforms import BUDGET


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """Settings of one run; the model itself is loaded once per process."""

    output: str
    model_name: str
    model_fingerprint: str
    criteria: Criteria
    """What the default selection keeps."""
    model_licence: str = ""
    manifest_folder: str = ""
    """Messages name sources relative to it, so that they are the same everywhere."""
    device: str = "auto"
    align: AlignConfig = field(default_factory=AlignConfig)
    adapt: AdaptConfig = field(default_factory=AdaptConfig)
    readers: Readers = field(default_factory=dict, hash=False)
    """What each named reader is learnt from; empty where models do not adapt."""
    segment: SegmentConfig = field(default_factory=SegmentConfig)
    fetch: FetchLimits = field(default_factory=FetchLimits)
    asked_since_sec: float = 0.0
    """Remote sources that were last asked for before this time (seconds since 1970)
    are asked whether they have changed."""
    opinion: OpinionConfig = field(default_factory=OpinionConfig)
    opinion_fingerprint: str = ""
    """Of the model that is asked, "" if that is the aligning one."""
    unlabeled: UnlabeledConfig = field(default_factory=UnlabeledConfig)
    identifier_fingerprint: str = ""
    """Of the language identifier that is asked about audio without text, "" if none."""
    max_hours: float = 12.0
    keep_emissions: bool = True
    samples_per_shard: int = 1000
    known_texts: str = ""
    """The list of all texts that a recording is held against; "" for no such check."""
    window_workers: int = 1
    """Batches of a recording that a CPU computes side by side; a GPU sees to itself."""
    audio_hours_in_flight: float = 1.0
    """How much decoded audio a process may have in memory at once."""
    hints: dict[str, str] = field(default_factory=dict, hash=False)
    """Beam's resource hints for the steps of a recording."""
    store_root: str = ""
    """The corpus whose store this one shares; "" for its own."""
    second: "RunContext | None" = None
    """What holds instead for the languages that keep their second round."""
    second_languages: frozenset[str] = frozenset()
    in_pool: bool = False
    """Stages run in processes that a pool of Beam's starts, which have no log."""

    @property
    def store(self) -> Store:
        """The content store of the corpus."""
        return Store(self.store_root or self.output)

    def of_language(self, language: str) -> "RunContext":
        """Return what holds for a language."""
        if self.second is not None and language in self.second_languages:
            return self.second
        return self

    def align_settings(self) -> dict[str, Any]:
        """Return what an alignment depends on besides audio, text and model."""
        return asdict(self.align)

    def model(self) -> AcousticModel:
        """Return this process's model."""
        return loaded_model(self.model_name, self.device)


def ready_process(context: RunContext) -> None:
    """Settle what holds for a whole process before its first recording.

    A worker of a cluster knows nothing of the process that began the run.
    """
    BUDGET.resize(context.audio_hours_in_flight * 3600)
    if context.in_pool:
        tell_stderr()


_MODELS: dict[tuple[str, str], AcousticModel] = {}
_LOADING = threading.Lock()


def loaded_model(name: str, device: str) -> AcousticModel:
    """Return this process's model of a name, loaded the first time it is asked for."""
    with _LOADING:  # two threads must not load a gigabyte each
        if (name, device) not in _MODELS:
            _MODELS[name, device] = load_acoustic_model(name, device)
        return _MODELS[name, device]
