"""Emissions kept in the content store, so that a text can be looked at again.

They are named by the audio, the model's weights and its windows, not by the text: a
corrected text is aligned without the model. In half precision an hour of 29 labels
takes 10 MB. Everything downstream gets the rounded values, whether they were just
computed or come from the store, so that results never depend on which it was.
"""

import io
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from aligner.emissions import AcousticModel, compute_emissions
from models.devices import choose_device
from pipelines.context import RunContext
from pipelines.fetch_recording import FetchedRecording
from pipelines.sharing import batches_side_by_side, gate_of
from pipelines.waveforms import waveform_of_file
from schemas.errors import ArtifactError
from schemas.keys import digest_of

STAGE = "emissions"
VERSION = 1
SUFFIX = ".npy"
# The largest finite half is 65504: below it a probability is 0 in every precision.
_LEAST_LOG_PROB = -6e4

FloatArray = npt.NDArray[np.float32]


def emissions_of(
    fetched: FetchedRecording, context: RunContext, model: AcousticModel | None = None
) -> FloatArray:
    """Return log-probabilities (T, C) of a recording, rounded to half precision.

    Args:
      fetched: the recording.
      context: has the store, the windows and the model.
      model: another model than that of the context.

    Raises:
      InputError: the audio cannot be used.
      ArtifactError: what the store has is damaged, or the model returns no
        log-probabilities.
    """
    if model is None:
        model = context.model()
    digest = emissions_digest(fetched, context, model.fingerprint)
    if context.store.has(STAGE, digest, SUFFIX):
        return _read(digest, len(model.labels), context)
    waveform = waveform_of_file(fetched.audio, context.max_hours)
    device = choose_device(context.device)
    emissions_TC = compute_emissions(
        waveform,
        model,
        context.align,
        workers=batches_side_by_side(device, context.window_workers),
        gate=gate_of(device),
    )
    rounded_TC = in_half_precision(emissions_TC)
    with context.store.writing(STAGE, digest, SUFFIX) as file:
        _write_array(file, rounded_TC)
    return rounded_TC.astype(np.float32)


def _write_array(file: BinaryIO, values: npt.NDArray[np.float16]) -> None:
    """Write an .npy file; numpy itself would not say why a disk takes no more."""
    values = np.ascontiguousarray(values)
    header = np.lib.format.header_data_from_array_1_0(values)
    np.lib.format.write_array_header_1_0(file, header)
    file.write(values.data)


def in_half_precision(emissions_TC: FloatArray) -> npt.NDArray[np.float16]:
    """Return log-probabilities as they are kept."""
    return np.maximum(emissions_TC, _LEAST_LOG_PROB).astype(np.float16)


def emissions_digest(
    fetched: FetchedRecording, context: RunContext, fingerprint: str
) -> str:
    """Name the emissions by all that they depend on."""
    align = context.align
    windows = [align.window_sec, align.context_sec]
    return digest_of(STAGE, VERSION, fetched.audio.sha256, fingerprint, windows)


def drop_emissions(
    fetched: FetchedRecording, context: RunContext, model: AcousticModel | None = None
) -> None:
    """Delete a recording's emissions, once nothing needs them, unless they are kept."""
    if not context.keep_emissions:
        fingerprint = context.model_fingerprint if model is None else model.fingerprint
        digest = emissions_digest(fetched, context, fingerprint)
        context.store.remove(STAGE, digest, SUFFIX)


def _read(digest: str, labels: int, context: RunContext) -> FloatArray:
    uri = context.store.uri(STAGE, digest, SUFFIX)
    data = context.store.read_bytes(STAGE, digest, SUFFIX)
    try:
        rounded_TC = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ArtifactError(f"{uri}: damaged ({error}); delete it") from error
    if rounded_TC.dtype != np.float16 or rounded_TC.shape[1:] != (labels,):
        raise ArtifactError(
            f"{uri}: expected float16 of {labels} columns, got {rounded_TC.dtype} of "
            f"shape {rounded_TC.shape}; delete it"
        )
    return rounded_TC.astype(np.float32)
