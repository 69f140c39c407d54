"""A model is asked what it hears in each segment: ``cer`` and ``edge_cer``.

The aligning model's emissions are there already. Any other model, better a recogniser
of the language, goes over the recording once; what it heard is kept in the store under
its own name, so that texts and cuts may change without asking again.
"""

import io
import zipfile
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aligner.emissions import AcousticModel
from aligner.second_opinion import Listener, with_opinion
from pipelines.context import RunContext, loaded_model
from pipelines.emission_store import drop_emissions, emissions_digest, emissions_of
from pipelines.fetch_recording import FetchedRecording
from pipelines.opinion_config import OpinionConfig
from schemas.errors import ArtifactError, ConfigError
from schemas.keys import digest_of
from schemas.segment import Segment

STAGE = "opinion"
VERSION = 1
SUFFIX = ".npz"
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


def is_asked(fetched: FetchedRecording, context: RunContext) -> bool:
    """Tell whether any model is asked about a recording.

    About one with known times only a model that was named: none aligned it.
    """
    return context.opinion.enabled and (
        bool(context.opinion.model) or fetched.timing is None
    )


def with_opinions(
    segments: Sequence[Segment], fetched: FetchedRecording, context: RunContext
) -> list[Segment]:
    """Return the segments of a recording with ``cer`` and ``edge_cer``.

    Raises:
      InputError: the audio cannot be used.
      ArtifactError: what the store has is damaged.
    """
    if not is_asked(fetched, context):
        return list(segments)
    name = context.opinion.model or context.model_name
    model = loaded_model(name, context.device)
    best_T = _best_columns(fetched, context, model)
    listener = Listener.of(model, fetched.recording.language)
    hop = model.hop_samples
    return [with_opinion(segment, best_T, listener, hop) for segment in segments]


def _best_columns(
    fetched: FetchedRecording, context: RunContext, model: AcousticModel
) -> npt.NDArray[np.integer]:
    """Return the likeliest column of each frame (T,)."""
    if not context.opinion.model:
        return emissions_of(fetched, context).argmax(axis=1)
    emissions = emissions_digest(fetched, context, model.fingerprint)
    digest = digest_of(STAGE, VERSION, emissions)
    if context.store.has(STAGE, digest, SUFFIX):
        return _read(digest, context)
    best_T = emissions_of(fetched, context, model).argmax(axis=1).astype(np.uint16)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, best_T=best_T)
    context.store.write_bytes(buffer.getvalue(), STAGE, digest, SUFFIX)
    drop_emissions(fetched, context, model)
    return best_T


def _read(digest: str, context: RunContext) -> npt.NDArray[np.integer]:
    data = context.store.read_bytes(STAGE, digest, SUFFIX)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return arrays["best_T"]
    except _DAMAGE as error:
        uri = context.store.uri(STAGE, digest, SUFFIX)
        raise ArtifactError(f"{uri}: damaged ({error}); delete it") from error
