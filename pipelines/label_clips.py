"""One step of labelling: the teacher hears the clips of a unit."""

import io
import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from rapidfuzz.distance import Levenshtein

from aligner.cer_line import KnownClip
from aligner.repetition import repeated_share
from aligner.scripts import main_script, share_in_script
from models.devices import choose_device
from pipelines.heard_language import loaded_identifier, verdict_of
from pipelines.label_config import LabelConfig
from pipelines.label_units import LabelUnit, UnitClip, read_unit
from pipelines.progress import recording_done
from pipelines.sharing import gate_of
from pipelines.store import Store
from pipelines.tables import damaged, parquet_bytes
from pipelines.teacher import Heard, Teacher, teacher_of
from pipelines.unit_audio import decoded, read_clips, with_noise
from schemas.errors import AudioUnreadable
from schemas.keys import digest_of
from schemas.labels import LABEL_TABLE, PseudoLabel
from schemas.segment import Reject
from schemas.units import rounded

if TYPE_CHECKING:
    from models.language_identifier import LanguageIdentifier

STAGE = "label"
VERSION = 1
_SUFFIX = ".parquet"
_REJECTS_KEY, _KNOWN_KEY = b"pericope.rejects", b"pericope.known"
_DECIMALS = 5


@dataclass(frozen=True, kw_only=True)
class LabelContext:
    """Settings of one labelling; the teacher itself is loaded once per process."""

    root: str
    name: str
    teacher: str
    device: str = "auto"
    config: LabelConfig = field(default_factory=LabelConfig)
    settings: tuple[str, ...] = ()
    """Of what is read from files: the identifier's fingerprint."""

    @property
    def store(self) -> Store:
        """The content store of the corpus."""
        return Store(self.root)

    def teacher_of(self, language: str) -> Teacher:
        """Return this process's teacher of a language."""
        return teacher_of(self.root, language, self.teacher, self.device, self.config)

    def identifier(self) -> "LanguageIdentifier | None":
        """Return this process's identifier, None if none is asked."""
        if not self.config.identifier:
            return None
        return loaded_identifier(self.config.identifier, self.device)


@dataclass(frozen=True)
class HeardUnit:
    """What came of a unit: the name of its result, and whose it is."""

    unit: LabelUnit
    digest: str
    fingerprint: str
    decoder: str
    letters: int
    """How many of the model's were allowed, 0: all."""
    romanised: bool


@dataclass(frozen=True)
class UnitResult:
    """What the store has of a heard unit: as many as it has clips."""

    labels: tuple[PseudoLabel, ...]
    """Without places and expected error rates."""
    known: tuple[KnownClip, ...]
    """Each clip whose text is known twice: as it is, and in noise."""
    rejects: tuple[Reject, ...]


def hear_unit(unit: LabelUnit, context: LabelContext) -> HeardUnit:
    """Let the teacher hear a unit, unless the store has it already.

    One of which a clip could not be read is heard again: its shard may be whole now.

    Raises:
      ConfigError: there is no such teacher.
      ArtifactError: its files are damaged, or the shard is another than its index says.
    """
    teacher = context.teacher_of(unit.language)
    about = [unit.digest, teacher.settings(), *context.settings]
    digest = digest_of(STAGE, VERSION, about)
    heard = HeardUnit(
        unit,
        digest,
        teacher.model.fingerprint,
        teacher.decoder_name,
        len(teacher.letters),
        teacher.model.romanised,
    )
    store = context.store
    if not store.has(STAGE, digest, _SUFFIX) or read_result(heard, store).rejects:
        data = _dumped(_heard(unit, teacher, context))
        store.write_bytes(data, STAGE, digest, _SUFFIX)
    recording_done(unit.duration_sec)
    return heard


def read_result(heard: HeardUnit, store: Store) -> UnitResult:
    """Return what a teacher heard.

    Raises:
      ArtifactError: the file is damaged.
    """
    uri = store.uri(STAGE, heard.digest, _SUFFIX)
    try:
        table = pq.read_table(
            io.BytesIO(store.read_bytes(STAGE, heard.digest, _SUFFIX))
        )
        notes = table.schema.metadata
        return UnitResult(
            tuple(LABEL_TABLE.records(table, uri)),
            tuple(KnownClip(**row) for row in json.loads(notes[_KNOWN_KEY])),
            tuple(Reject(**row) for row in json.loads(notes[_REJECTS_KEY])),
        )
    except (pa.ArrowInvalid, KeyError, ValueError, TypeError) as error:
        raise damaged(uri, error) from error


def _dumped(result: UnitResult) -> bytes:
    table = LABEL_TABLE.table(result.labels)
    notes = {
        _KNOWN_KEY: json.dumps([asdict(clip) for clip in result.known]),
        _REJECTS_KEY: json.dumps([asdict(reject) for reject in result.rejects]),
    }
    table = table.replace_schema_metadata({**table.schema.metadata, **notes})
    return parquet_bytes(table)


def _heard(unit: LabelUnit, teacher: Teacher, context: LabelContext) -> UnitResult:
    labels: list[PseudoLabel] = []
    known: list[KnownClip] = []
    rejects: list[Reject] = []
    identifier = None if unit.is_known else context.identifier()
    for clip, data in read_clips(context.root, read_unit(unit, context.store)):
        try:
            waveform_N = decoded(clip, data)
        except AudioUnreadable as error:
            rejects.append(
                Reject(STAGE, clip.key, error.reason, str(error), unit.language)
            )
            continue
        if unit.is_known:
            known += _known(clip, waveform_N, teacher)
        else:
            labels.append(_label(clip, waveform_N, teacher, identifier))
    return UnitResult(tuple(labels), tuple(known), tuple(rejects))


def _seed(key: str) -> int:
    return int(digest_of(key)[:16], 16)


def _label(
    clip: UnitClip,
    waveform_N: npt.NDArray[np.float32],
    teacher: Teacher,
    identifier: "LanguageIdentifier | None",
) -> PseudoLabel:
    heard = teacher.hear(waveform_N, _seed(clip.key))
    lid_language, lid_score = "", math.nan
    if identifier is not None:
        with gate_of(choose_device(teacher.device)):
            posteriors = identifier.identify(waveform_N)
        lid_language, lid_score = verdict_of(posteriors, teacher.language)
    return PseudoLabel(
        key=clip.key,
        recording_id=clip.recording_id,
        language=teacher.language,
        split=clip.split,
        source=clip.source,
        duration_sec=clip.duration_sec,
        lid_language=lid_language,
        lid_score=lid_score,
        teacher=teacher.model.fingerprint,
        decoder=teacher.decoder_name,
        **_of_text(heard, clip.duration_sec, teacher),
    )


def _of_text(heard: Heard, duration_sec: float, teacher: Teacher) -> dict[str, Any]:
    text, has_words = heard.text, teacher.writes_words
    words = len(text.split()) / duration_sec if has_words else math.nan
    repeated = repeated_share(text, teacher.language) if has_words else math.nan
    script = teacher.script or main_script(text)
    return {
        "text": text,
        "is_empty": not text,
        "posterior": rounded(heard.certainty.posterior, _DECIMALS),
        "sampled_cer": rounded(heard.certainty.sampled_cer, _DECIMALS),
        "chars_per_sec": rounded(len(text.replace(" ", "")) / duration_sec, _DECIMALS),
        "chars_per_sec_z": math.nan,
        "words_per_sec": rounded(words, _DECIMALS),
        "words_per_sec_z": math.nan,
        "repeated_share": rounded(repeated, _DECIMALS),
        "script": main_script(text),
        "script_share": rounded(share_in_script(text, script), _DECIMALS),
        "is_feasible": heard.is_feasible,
        "lm_score": rounded(heard.lm_score, _DECIMALS),
        "expected_cer": math.nan,
    }


def _known(
    clip: UnitClip, waveform_N: npt.NDArray[np.float32], teacher: Teacher
) -> list[KnownClip]:
    """Hear a clip of known text as it is and in noise."""
    letters = teacher.spelled(clip.text)
    if not letters:
        return []
    seed = _seed(clip.key)
    known = []
    for is_noised in (False, True):
        sound_N = with_noise(waveform_N, seed) if is_noised else waveform_N
        heard = teacher.hear(sound_N, seed)
        written = heard.text.replace(" ", "").lower()
        known.append(
            KnownClip(
                language=teacher.language,
                reader=clip.reader or clip.recording_id,
                recording_id=clip.recording_id,
                sampled_cer=rounded(heard.certainty.sampled_cer, _DECIMALS),
                errors=Levenshtein.distance(letters, written),
                letters=len(letters),
                is_noised=is_noised,
            )
        )
    return known
