"""MMS's last filter: each half of a language transcribed by a model of the other half.

A text that is not what was read cannot be learned from other recordings: its letter
error rate stays high, whatever the aligner that brought the two together thought of it.
Source: Pratap et al. 2023, section 3.1.
"""

import io
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rapidfuzz.distance import Levenshtein

from aligner.config import AlignConfig
from aligner.emissions import compute_emissions
from models.bundled import BundledModel, Calibration
from models.data import SpeechShards
from models.decoding.greedy import greedy_text
from models.network import AcousticNetwork
from models.training.aligner import AlignerConfig, train_network
from models.training.progress import Progress
from models.vocabulary import Vocabulary
from pipelines.crossval_clips import HALVES, LanguageClips, letters_of
from pipelines.crossval_columns import error_rate, with_cross_validation
from pipelines.start_weights import StartWeights
from pipelines.store import Store
from pipelines.tables import (
    damaged,
    parquet_bytes,
    read_columns,
    read_segments,
    write_rows,
)
from schemas.crossval import CROSSVAL_TABLE, HeardClip
from schemas.errors import ArtifactError
from schemas.keys import digest_of
from schemas.segment import Segment
from schemas.tables import ALIGNMENT_TABLE, SEGMENT_TABLE

STAGE = "crossval"
VERSION = 1
_SUFFIX = ".parquet"

# Language, half, and how far its training is.
Report = Callable[[str, int, Progress], None]


@dataclass(frozen=True, kw_only=True)
class CrossvalConfig:
    """How the model of each half is trained.

    Raises:
      ConfigError: a number that cannot be.
    """

    steps: int = 400
    learning_rate: float = 5e-4
    batch_sec: float = 20.0
    checkpoint_every: int = 100
    seed: int = 1
    least_clips: int = 10
    """In each half; nothing of a language is learned from fewer."""

    def __post_init__(self) -> None:
        self.training  # noqa: B018  its numbers are checked there

    @property
    def training(self) -> AlignerConfig:
        """The settings of the training job."""
        return AlignerConfig(
            sharp_steps=0,
            free_steps=self.steps,
            batch_sec=self.batch_sec,
            free_learning_rate=self.learning_rate,
            warmup_steps=max(1, self.steps // 10),
            selection=None,
            seed=self.seed,
            checkpoint_every=self.checkpoint_every,
            validation_clips=20,
        )


@dataclass(frozen=True)
class CrossValidated:
    """What came of one language; the error rate is pooled over its letters."""

    language: str
    clips: int
    recordings: int
    cer: float
    clips_over: int
    recordings_over: int
    note: str = ""
    """Why nothing was heard, "" if something was."""


def cross_validate(
    root: str,
    language: str,
    config: CrossvalConfig,
    start: StartWeights,
    report: Report,
) -> CrossValidated:
    """Fill the columns ``cv_cer`` and ``cv_recording_cer`` of one language.

    What was trained and heard before under the same circumstances is taken from the
    store; a training that was broken off goes on from its last checkpoint.

    Args:
      root: the corpus, a local folder.
      language: one of its codes.
      config: how to train.
      start: from which weights.
      report: told how the training goes.

    Raises:
      ConfigError: the corpus has no shards.
      ArtifactError: shards and tables do not belong together, or a file is damaged.
    """
    segments = list(read_segments(root, language))
    names = ["recording_id", "language", "digest"]
    alignments = {
        row["recording_id"]: row["digest"]
        for row in read_columns(root, ALIGNMENT_TABLE, names)
        if row["language"] == language
    }
    usable = tuple(segment for segment in segments if letters_of(segment))
    clips = LanguageClips(language, usable, alignments)
    heard: list[HeardClip] = []
    note = ""
    counts = [len(clips.keys(half)) for half in HALVES]
    if min(counts) < config.least_clips:
        note = (
            f"expected {config.least_clips} or more clips in each half, of letters a-z "
            f"without numbers, got {counts[0]} and {counts[1]}"
        )
    else:
        for half in HALVES:
            heard += _heard(root, clips, half, config, start, report)
    write_rows(root, CROSSVAL_TABLE, heard, language)
    judged = with_cross_validation(segments, heard, alignments)
    write_rows(root, SEGMENT_TABLE, judged, language)
    return _summary(language, judged, heard, note)


def _heard(
    root: str,
    clips: LanguageClips,
    half: int,
    config: CrossvalConfig,
    start: StartWeights,
    report: Report,
) -> list[HeardClip]:
    """Return what the model of the other half hears in this one."""
    store = Store(root)
    digest = _digest(clips, half, config, start)
    if not store.has(STAGE, digest, _SUFFIX):
        others = SpeechShards(
            corpus=Path(root),
            split="*",
            selection=None,
            language=clips.language,
            keys=clips.keys(1 - half),
        )
        own = SpeechShards(**{**vars(others), "keys": clips.keys(half)})
        with store.scratch(STAGE) as scratch:
            folder = scratch / digest
            network = train_network(
                start.copy(),
                others,
                own,
                folder,
                config.training,
                lambda progress: report(clips.language, half, progress),
            )
            heard = _transcribe(network, own, clips, half)
            data = parquet_bytes(CROSSVAL_TABLE.table(heard))
            store.write_bytes(data, STAGE, digest, _SUFFIX)
            shutil.rmtree(folder)
    uri = store.uri(STAGE, digest, _SUFFIX)
    try:
        table = pq.read_table(io.BytesIO(store.read_bytes(STAGE, digest, _SUFFIX)))
    except pa.ArrowInvalid as error:
        raise damaged(uri, error) from error
    return list(CROSSVAL_TABLE.records(table, uri))


def _digest(
    clips: LanguageClips, half: int, config: CrossvalConfig, start: StartWeights
) -> str:
    """Name what is heard of a half by all that it depends on."""
    learned, heard = (sorted(clips.keys(part)) for part in (1 - half, half))
    names = {segment.recording_id for segment in clips.segments}
    sources = [[name, clips.alignments[name]] for name in sorted(names)]
    settings = [asdict(config.training), start.network.config.to_dict()]
    return digest_of(
        *(STAGE, VERSION, clips.language, half, settings, start.fingerprint),
        *(sources, learned, heard),
    )


def _transcribe(
    network: AcousticNetwork, shards: SpeechShards, clips: LanguageClips, half: int
) -> list[HeardClip]:
    model = BundledModel(network.eval(), Calibration(), fingerprint="half")
    letters_only = Vocabulary(model.labels, model.blank, model.word_separator)
    segments = {segment.key: segment for segment in clips.segments}
    heard = []
    for clip in shards.in_order():
        emissions = compute_emissions(clip.samples, model, AlignConfig())
        spelled = greedy_text(emissions, letters_only)
        segment = segments[clip.key]
        letters = letters_of(segment)
        heard.append(
            HeardClip(
                key=clip.key,
                recording_id=segment.recording_id,
                alignment=clips.alignments[segment.recording_id],
                half=half,
                heard=spelled,
                errors=Levenshtein.distance(letters, spelled),
                letters=len(letters),
            )
        )
    missing = clips.keys(half) - {clip.key for clip in heard}
    if missing:
        raise ArtifactError(
            f"{shards.corpus}/shards: expected the clip {min(missing)}, which the "
            "table of segments has, found none; finish the corpus with `pericope run`"
        )
    return heard


def _summary(
    language: str, segments: Sequence[Segment], heard: Sequence[HeardClip], note: str
) -> CrossValidated:
    errors = sum(clip.errors for clip in heard)
    letters = sum(clip.letters for clip in heard)
    recordings = {
        segment.recording_id: segment.cv_recording_cer
        for segment in segments
        if segment.text
    }
    return CrossValidated(
        language=language,
        clips=len(heard),
        recordings=len(recordings),
        cer=error_rate(errors, letters),
        clips_over=sum(segment.cv_cer > 0.10 for segment in segments),
        recordings_over=sum(cer > 0.05 for cer in recordings.values()),
        note=note,
    )
