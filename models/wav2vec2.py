"""Loads any Wav2Vec2ForCTC checkpoint, with a language adapter if it has some."""

import math
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from models.card import card_licence
from models.checkpoints import (
    Checkpoint,
    broken_weights,
    find_checkpoint,
    load_weights,
)
from models.devices import choose_device
from models.vocabulary import Vocabulary, read_vocabulary
from models.waveform_model import WaveformModel, fingerprint_files
from schemas.errors import ArtifactError, ConfigError
from schemas.units import FRAME_SAMPLES, SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from transformers import Wav2Vec2ForCTC

VARIANCE_FLOOR = 1e-7
"""Source: zero_mean_unit_var_norm of transformers' Wav2Vec2FeatureExtractor."""

_MAY_BE_MISSING = ("wav2vec2.masked_spec_embed",)  # used in training only


class _Logits(nn.Module):
    """The network without its dictionary around the result."""

    def __init__(self, network: nn.Module, adapters: nn.Module | None) -> None:
        super().__init__()
        self.network = network
        self.adapters = (
            adapters  # moved and copied with the network beside which they are
        )

    def forward(self, waveforms: Tensor) -> Tensor:
        # Windows are all of one length: nothing is padding, so nothing is masked.
        return self.network(waveforms).logits


def load_wav2vec2(reference: str, device: str = "auto") -> WaveformModel:
    """Load a checkpoint of the wav2vec 2.0 family with a CTC head.

    Args:
        reference: ``<folder or hub name>[#<adapter language>]``.
        device: auto, cpu, cuda or cuda:N.

    Raises:
        ConfigError: no such model, language or device; or a model of another kind.
        ArtifactError: its files are missing, damaged or do not fit each other.
    """
    chosen = choose_device(device)
    checkpoint = find_checkpoint(reference)
    normalised = read_settings(checkpoint)
    network = load_ctc(checkpoint)
    vocabulary = read_letters(checkpoint, network.lm_head.out_features)
    adapters = None
    if checkpoint.residual is not None:
        from models.networks.residual_adapters import load_residual_adapters

        adapters, vocabulary = load_residual_adapters(network, checkpoint.residual)

    return WaveformModel(
        name=f"hf:{reference}",
        fingerprint=fingerprint_files(checkpoint.files(), checkpoint.language or ""),
        labels=vocabulary.labels,
        blank=vocabulary.blank,
        romanised=vocabulary.romanised,
        word_separator=vocabulary.word_separator,
        network=_Logits(network, adapters).eval().to(chosen),
        device=chosen,
        variance_floor=VARIANCE_FLOOR if normalised else None,
        licence=card_licence(checkpoint.folder),
    )


def read_settings(checkpoint: Checkpoint) -> bool:
    """Check that we can use the model; return whether it wants normalised audio.

    Raises:
        ConfigError: it is a model of another kind.
        ArtifactError: its settings are missing.
    """
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor

    folder = checkpoint.folder
    try:
        settings, _ = Wav2Vec2Config.get_config_dict(folder)
        extractor = Wav2Vec2FeatureExtractor.from_pretrained(folder)
    except OSError as error:
        raise ArtifactError(
            f"{folder}: expected config.json and preprocessor_config.json: {error}"
        ) from error
    kind = settings.get("model_type")
    if kind != "wav2vec2":
        raise ConfigError(
            f"model.name: expected a wav2vec2 model with a CTC head, got {kind!r} in "
            f"{folder}"
        )
    config = Wav2Vec2Config.from_dict(settings)
    hop = math.prod(config.conv_stride)
    if (
        hop != FRAME_SAMPLES
        or config.add_adapter
        or config.num_feat_extract_layers != 7
    ):
        raise ConfigError(
            f"model.name: expected one frame every {FRAME_SAMPLES} samples, got "
            f"{hop} and add_adapter={config.add_adapter} in {folder}"
        )
    if extractor.sampling_rate != SAMPLE_RATE_HZ:
        raise ConfigError(
            f"model.name: expected a model for {SAMPLE_RATE_HZ} Hz, got "
            f"{extractor.sampling_rate} Hz in {folder}"
        )
    if (
        checkpoint.language
        and config.adapter_attn_dim is None
        and checkpoint.residual is None
    ):
        raise ConfigError(
            f"model.name: {folder} has no language adapters (adapter_attn_dim); leave "
            f"#{checkpoint.language} away"
        )
    return bool(extractor.do_normalize)


def read_letters(checkpoint: Checkpoint, columns: int) -> Vocabulary:
    """Return what the columns of the network's own output layer stand for.

    Raises:
        ConfigError: the language is missing or not in the vocabulary.
        ArtifactError: the vocabulary is missing, damaged or wider than the output.
    """
    own = None if checkpoint.residual is not None else checkpoint.language
    return read_vocabulary(checkpoint.folder, own, columns)


def load_ctc(
    checkpoint: Checkpoint, fresh: tuple[str, ...] = (), **settings: Any
) -> "Wav2Vec2ForCTC":
    """Load weights and adapter, see ``load_weights``."""
    from transformers import Wav2Vec2ForCTC

    network: Wav2Vec2ForCTC = load_weights(
        Wav2Vec2ForCTC, checkpoint, (*_MAY_BE_MISSING, *fresh), **settings
    )
    if checkpoint.adapter is not None and checkpoint.residual is None:
        with broken_weights(checkpoint.folder):
            network.load_adapter(checkpoint.language, local_files_only=True)
    return network
