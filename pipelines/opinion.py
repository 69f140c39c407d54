"""A model is asked what it hears in each segment: ``cer`` and ``edge_cer``.

The aligning model's emissions are there already. Any other model, better a recogniser
of the language, goes over the recording once; what it heard is kept in the store under
its own name, so that texts and cuts may change without asking again.
"""

import io
import json
import math
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

import numpy as np
import numpy.typing as npt

from aligner.emissions import AcousticModel
from aligner.second_opinion import Transcriber, with_opinion
from pipelines.align_recording import AlignedRecording, read_alignment
from pipelines.context import RunContext, loaded_model
from pipelines.emission_store import drop_emissions, emissions_digest, emissions_of
from pipelines.events import worked
from pipelines.fetch_recording import FetchedRecording
from pipelines.opinion_config import OpinionConfig
from pipelines.plain_json import without_nan
from pipelines.planned_segments import VERSION as CUT_VERSION
from pipelines.planned_segments import planned_segments
from schemas.errors import ArtifactError, ConfigError
from schemas.keys import digest_of
from schemas.segment import Segment

STAGE, HEARD = "opinion", "heard"
VERSION = 1
_JSON, _NPZ = ".json", ".npz"
_FORMAT = "pericope-opinions/1"
_DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, OSError, EOFError)


def opinion_fingerprint(config: OpinionConfig, device: str) -> str:
    """Return the fingerprint of the model that is asked, "" if the aligning one is.

    The model is loaded, so that a wrong name is told before any work is done.

    Raises:
      ConfigError: there is no such model.
      ArtifactError: its files are damaged.
    """
    if not config.enabled or not config.model:
        return ""
    try:
        return loaded_model(config.model, device).fingerprint
    except (ConfigError, ArtifactError) as error:
        told = str(error).removeprefix("model.name: ")
        raise type(error)(f"opinion.model: {told}") from error


def opinions_on(aligned: AlignedRecording, context: RunContext) -> str:
    """Find the opinions on a recording's segments, unless the store has them already.

    Returns:
      Their name in the store, "" where no model is asked: an opinion is not wanted, or
      times were known and no model was named.

    Raises:
      InputError: the audio cannot be used (it was, when it was aligned).
      ArtifactError: what the store has is damaged.
    """
    digest = opinion_digest(aligned, context)
    if digest and not context.store.has(STAGE, digest, _JSON):
        worked()
        alignment = read_alignment(aligned.digest, context)
        segments = planned_segments(alignment, aligned.fetched.recording, context)
        data = _dumped(judged(segments, aligned.fetched, context))
        context.store.write_bytes(data, STAGE, digest, _JSON)
    return digest


def opinion_digest(aligned: AlignedRecording, context: RunContext) -> str:
    """Name the opinions by all that they depend on; "" where no model is asked."""
    own = not context.opinion.model
    if not context.opinion.enabled or (own and aligned.fetched.timing is not None):
        return ""
    return digest_of(
        STAGE,
        VERSION,
        aligned.digest,
        [CUT_VERSION, asdict(context.segment)],
        context.opinion_fingerprint,
    )


def heard_digest(
    fetched: FetchedRecording, context: RunContext, fingerprint: str
) -> str:
    """Name what another model heard in a recording."""
    return digest_of(HEARD, VERSION, emissions_digest(fetched, context, fingerprint))


def with_opinions(
    segments: Iterable[Segment], digest: str, context: RunContext
) -> list[Segment]:
    """Return the segments of a recording with the opinions of that name in the store.

    Raises:
      ArtifactError: the file is damaged.
    """
    uri = context.store.uri(STAGE, digest, _JSON)
    try:
        document = json.loads(context.store.read_bytes(STAGE, digest, _JSON))
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']!r}")
        return [
            replace(segment, cer=_number(cer), edge_cer=_number(edge_cer))
            for segment in segments
            for cer, edge_cer in [document["segments"][segment.key]]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{uri}: damaged ({error}); delete it") from error


def judged(
    segments: Sequence[Segment], fetched: FetchedRecording, context: RunContext
) -> list[Segment]:
    """Ask the model about segments, which return with ``cer`` and ``edge_cer``."""
    model = loaded_model(context.opinion.model or context.model_name, context.device)
    best_T = _best_columns(fetched, context, model)
    transcriber = Transcriber.of(model, fetched.recording.language)
    hop = model.hop_samples
    return [with_opinion(segment, best_T, transcriber, hop) for segment in segments]


def _best_columns(
    fetched: FetchedRecording, context: RunContext, model: AcousticModel
) -> npt.NDArray[np.integer]:
    """Return the likeliest column of each frame (T,)."""
    if not context.opinion.model:
        return emissions_of(fetched, context).argmax(axis=1)
    digest = heard_digest(fetched, context, model.fingerprint)
    if context.store.has(HEARD, digest, _NPZ):
        return _read(digest, context)
    best_T = emissions_of(fetched, context, model).argmax(axis=1).astype(np.uint16)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, best_T=best_T)
    context.store.write_bytes(buffer.getvalue(), HEARD, digest, _NPZ)
    if model.fingerprint != context.model_fingerprint:
        drop_emissions(fetched, context, model)
    return best_T


def _read(digest: str, context: RunContext) -> npt.NDArray[np.integer]:
    data = context.store.read_bytes(HEARD, digest, _NPZ)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return arrays["best_T"]
    except _DAMAGE as error:
        uri = context.store.uri(HEARD, digest, _NPZ)
        raise ArtifactError(f"{uri}: damaged ({error}); delete it") from error


def _dumped(segments: Iterable[Segment]) -> bytes:
    rows = {s.key: without_nan([s.cer, s.edge_cer]) for s in segments}
    document = {"format": _FORMAT, "segments": rows}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _number(rate: float | None) -> float:
    return math.nan if rate is None else float(rate)
