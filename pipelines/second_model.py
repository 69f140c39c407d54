"""An aligner trained on what a corpus keeps: MMS's second round.

Clips of the split for training that a selection keeps are learned, but for a tenth,
chosen by their keys: on those the model is calibrated, and rounds are compared only
where neither has been trained. Source: Pratap et al. 2023, section 3.1.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from models.bundled import save_bundled
from models.data import SpeechShards
from models.network import LABELS
from models.training.aligner import AlignerConfig, train_network
from models.training.progress import Progress
from pipelines.round_calibration import calibrate_on_clips
from pipelines.selections import read_selection
from pipelines.start_weights import StartWeights
from pipelines.store import Store
from pipelines.tables import read_columns
from schemas.errors import ConfigError
from schemas.keys import digest_of, stable_bucket
from schemas.tables import ALIGNMENT_TABLE, SEGMENT_TABLE

STAGE = "realign"
VERSION = 1
SUFFIX = ".safetensors"
_HELD_OUT = 10
"""One of so many clips is not learned."""


@dataclass(frozen=True, kw_only=True)
class RealignConfig:
    """How the aligner of the second round is trained.

    Raises:
      ConfigError: a number that cannot be.
    """

    steps: int = 2000
    learning_rate: float = 5e-4
    from_scratch: bool = False
    """Half of the steps then have the sharp loss, at the rates of ``AlignerConfig``."""
    batch_sec: float = 20.0
    selection: str = "default"
    checkpoint_every: int = 200
    seed: int = 1
    least_verses: int = 8
    """To be compared in a language before its first round is given up."""

    def __post_init__(self) -> None:
        self.training  # noqa: B018  its numbers are checked there

    @property
    def training(self) -> AlignerConfig:
        """The settings of the training job."""
        sharp = self.steps // 2 if self.from_scratch else 0
        config = AlignerConfig(
            sharp_steps=sharp,
            free_steps=self.steps - sharp,
            batch_sec=self.batch_sec,
            selection=self.selection,
            seed=self.seed,
            checkpoint_every=self.checkpoint_every,
        )
        if self.from_scratch:
            return config
        return replace(
            config,
            free_learning_rate=self.learning_rate,
            warmup_steps=max(1, self.steps // 10),
        )


@dataclass(frozen=True)
class RoundClips:
    """The labeled clips of the first round: rows of its segments table, by key."""

    rows: dict[str, dict[str, Any]]
    alignments: dict[str, str]
    """The digest of each recording's alignment."""
    learned: frozenset[str]
    held_out: frozenset[str]
    """Kept and for training, but not learned."""


def round_clips(root: str, selection: str) -> RoundClips:
    """Read what a corpus keeps.

    Raises:
      ConfigError: there is no such selection, or it keeps nothing to learn from.
      ArtifactError: there are no tables, or they are of another version.
    """
    names = "key language recording_id split start_sec end_sec romanised".split()
    rows = {
        row["key"]: row
        for row in read_columns(root, SEGMENT_TABLE, names)
        if row["romanised"]
    }
    alignments = {
        row["recording_id"]: row["digest"]
        for row in read_columns(root, ALIGNMENT_TABLE, ["recording_id", "digest"])
    }
    verdicts = read_selection(root, selection)
    kept = [
        key
        for key, row in rows.items()
        if row["split"] == "train"
        and set(row["romanised"].replace(" ", "")) <= set(LABELS)
        and key in verdicts
        and verdicts[key].keep
    ]
    held_out = frozenset(key for key in kept if stable_bucket(key, _HELD_OUT) == 0)
    learned = frozenset(kept) - held_out
    if not learned:
        raise ConfigError(
            f"{root}: expected clips for training with letters a-z that the selection "
            f"{selection!r} keeps, found none; keep more, or run the corpus first"
        )
    return RoundClips(rows, alignments, learned, held_out)


def second_model(
    root: str,
    clips: RoundClips,
    config: RealignConfig,
    start: StartWeights,
    report: Callable[[Progress], None],
) -> Path:
    """Return the file of the aligner, trained now or found in the store.

    Raises:
      ConfigError: there are no shards, or nothing in them can be learned.
      ArtifactError: a shard or a checkpoint is damaged.
    """
    store = Store(root)
    settings = [asdict(config.training), start.network.config.to_dict()]
    digest = digest_of(
        *(STAGE, VERSION, settings, start.fingerprint),
        *(sorted(clips.alignments.items()), sorted(clips.learned)),
    )
    if not store.has(STAGE, digest, SUFFIX):
        shards = SpeechShards(corpus=Path(root), selection=None, keys=clips.learned)
        # A very small corpus may have nothing to spare.
        apart = replace(shards, keys=clips.held_out or clips.learned)
        with store.scratch(STAGE) as scratch:
            folder = scratch / digest
            network = train_network(
                start.copy(), shards, apart, folder, config.training, report
            )
            calibration = calibrate_on_clips(network, apart)
            save_bundled(network, calibration, folder / f"model{SUFFIX}")
            store.adopt(folder / f"model{SUFFIX}", STAGE, digest, SUFFIX)
            shutil.rmtree(folder)
    return Path(store.uri(STAGE, digest, SUFFIX))
