"""Conformers on disk and from nothing: sizes, letters, chunks."""

import json
from typing import TYPE_CHECKING, Any

from models.checkpoints import Checkpoint, find_checkpoint, load_weights
from models.networks.conformer import FRAME_SAMPLES, NORMALISED, ConformerNetwork
from models.networks.heads import language_head_for, load_language_head, replace_head
from models.networks.residual_adapters import load_residual_adapters
from models.vocabulary import Vocabulary, read_vocabulary
from schemas.errors import ArtifactError, ConfigError
from schemas.units import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from transformers import LasrForCTC

KINDS = ("lasr_ctc", "lasr_encoder")
"""What config.json calls them."""

CHUNK_SEC = 8.0

SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_mel_bins": 80, "subsampling_conv_channels": 32},
    "small": {"hidden_size": 144, "num_hidden_layers": 8, "num_attention_heads": 4,
              "num_mel_bins": 80, "subsampling_conv_channels": 144},
    "usm-0.6b": {"hidden_size": 1024, "num_hidden_layers": 24,
                 "num_attention_heads": 8, "num_mel_bins": 128},
    "usm-2b": {"hidden_size": 1536, "num_hidden_layers": 32,
               "num_attention_heads": 16, "num_mel_bins": 128},
}  # fmt: skip


def load_conformer_network(
    reference: str,
    vocabulary: Vocabulary | None = None,
    languages: tuple[str, ...] | None = None,
) -> ConformerNetwork:
    """Load a ``LasrForCTC``, or a ``LasrEncoder`` that was only pre-trained.

    Args:
      reference: ``<folder or hub name>[#<adapter language>]``.
      vocabulary: None for its own; else its output layer is made for this one.
      languages: of the language head; None for its own.

    Raises:
      ConfigError: it has no letters and no vocabulary is given.
      ArtifactError: its files are missing, damaged or do not fit each other.
    """
    checkpoint = find_checkpoint(reference)
    own = _own_letters(checkpoint)
    letters = vocabulary or own
    if letters is None:
        raise ConfigError(
            f"model: {checkpoint.folder} has no letters (vocab.json); give a "
            "vocabulary, for which an output layer is then trained"
        )
    network = _load(checkpoint, letters)
    adapters = None
    if checkpoint.adapter is not None:
        adapters, own = load_residual_adapters(network, checkpoint.adapter)
        letters = vocabulary or own
    replace_head(network, own, letters)
    width = network.config.encoder_config.hidden_size
    head = language_head_for(load_language_head(checkpoint.folder), width, languages)
    normalised = _normalised(checkpoint)
    found = ConformerNetwork(network, letters, head, normalised=normalised)
    found.adapters = adapters
    return found


def _own_letters(checkpoint: Checkpoint) -> Vocabulary | None:
    if not (checkpoint.folder / "vocab.json").is_file():
        return None
    settings = json.loads((checkpoint.folder / "config.json").read_text("utf-8"))
    return read_vocabulary(checkpoint.folder, None, settings["vocab_size"])


def _load(checkpoint: Checkpoint, vocabulary: Vocabulary) -> "LasrForCTC":
    from transformers import LasrCTCConfig, LasrEncoder, LasrForCTC

    if checkpoint.kind == "lasr_ctc":
        whole: LasrForCTC = load_weights(LasrForCTC, checkpoint)
        _check_subsampling(checkpoint, whole.config.encoder_config)
        return whole
    encoder = load_weights(LasrEncoder, checkpoint)
    _check_subsampling(checkpoint, encoder.config)
    config = LasrCTCConfig(
        vocab_size=len(vocabulary.labels), encoder_config=encoder.config
    )
    network = LasrForCTC(config)
    network.encoder = encoder
    return network


def _check_subsampling(checkpoint: Checkpoint, config: Any) -> None:
    kernel, stride = config.subsampling_conv_kernel_size, config.subsampling_conv_stride
    if (kernel, stride) != (5, 2):
        raise ConfigError(
            f"model: {checkpoint.folder}: expected two convolutions of kernel 5 and "
            f"stride 2 before the encoder, got kernel {kernel} and stride {stride}"
        )


def _normalised(checkpoint: Checkpoint) -> bool:
    """Read whether the network was trained on normalised clips; Google's were not."""
    path = checkpoint.folder / "preprocessor_config.json"
    try:
        return bool(json.loads(path.read_text("utf-8")).get(NORMALISED, False))
    except (FileNotFoundError, ValueError) as error:
        raise ArtifactError(f"{path}: missing or damaged: {error}") from error


def new_conformer_network(
    size: str,
    vocabulary: Vocabulary,
    languages: tuple[str, ...] = (),
    chunk_sec: float | None = CHUNK_SEC,
) -> ConformerNetwork:
    """Return an untrained network; torch's random numbers decide its weights.

    Args:
      size: tiny, small, usm-0.6b or usm-2b.
      vocabulary: of the output layer.
      languages: of the language head; empty for none.
      chunk_sec: over which attention reaches; None for all of a clip.

    Raises:
      ConfigError: there is no such size.
    """
    from transformers import LasrCTCConfig, LasrEncoderConfig, LasrForCTC

    if size not in SIZES:
        raise ConfigError(f"size: expected one of {', '.join(SIZES)}, got {size!r}")
    settings = SIZES[size]
    width = settings["hidden_size"]
    encoder = LasrEncoderConfig(
        **settings,
        intermediate_size=4 * width,
        conv_kernel_size=5,
        feed_forward_residual_weights=[1.0, 0.5],
        conv_residual_weights=[1.0, 1.0],
        layerdrop=0.0,
    )
    if chunk_sec is not None:
        encoder.chunk_frames = round(chunk_sec * SAMPLE_RATE_HZ / FRAME_SAMPLES)
    config = LasrCTCConfig(
        vocab_size=len(vocabulary.labels),
        pad_token_id=vocabulary.blank,
        encoder_config=encoder,
    )
    head = language_head_for(None, width, languages)
    return ConformerNetwork(LasrForCTC(config), vocabulary, head)
