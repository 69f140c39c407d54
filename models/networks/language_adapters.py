"""MMS's language adapters: a small layer at the end of each block, and its own head.

LayerNorm, down to 16, ReLU, up, added to what the block returns. They are transformers'
own (``adapter_attn_dim``), and their files are those that
``Wav2Vec2ForCTC.load_adapter`` reads. Source: MMS, Pratap et al. 2023, 5.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from models.networks.heads import replace_head
from models.vocabulary import Vocabulary
from models.weights_file import write_weights
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from transformers import Wav2Vec2ForCTC

WIDTH = 16


def add_language_adapter(
    network: "Wav2Vec2ForCTC", before: Vocabulary, vocabulary: Vocabulary
) -> None:
    """Put fresh adapters in the place of those that are there, if any.

    They and the output layer alone are to be trained. The adapters' last layer starts
    at zero, so that the start is the network without adapters.

    Args:
      network: it is changed.
      before: its letters so far.
      vocabulary: those that it shall write; columns of letters that both have stay.

    Raises:
      ConfigError: transformers knows no adapters in this kind of network.
    """
    from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2AttnAdapterLayer

    config = network.config
    if not config.do_stable_layer_norm:
        raise ConfigError(
            "model: language adapters (lsah) need a network with do_stable_layer_norm, "
            "as MMS and XLS-R are; take residual ones"
        )
    config.adapter_attn_dim = config.adapter_attn_dim or WIDTH
    network.requires_grad_(False)
    replace_head(network, before, vocabulary)
    for layer in network.wav2vec2.encoder.layers:
        adapter = Wav2Vec2AttnAdapterLayer(config)
        nn.init.normal_(adapter.linear_1.weight, std=config.initializer_range)
        for parameter in (adapter.linear_1.bias, *adapter.linear_2.parameters()):
            nn.init.zeros_(parameter)
        layer.adapter_layer = adapter
    config.vocab_size = len(vocabulary.labels)
    for parameter in network._get_adapters().values():
        parameter.requires_grad_(True)


def save_language_adapter(
    network: "Wav2Vec2ForCTC", vocabulary: Vocabulary, folder: Path, language: str
) -> None:
    """Write ``adapter.<language>.safetensors`` and the language's part of vocab.json.

    Raises:
      ArtifactError: the folder has a vocabulary without parts for languages.
    """
    vocabulary.save(folder, language)
    weights: dict[str, torch.Tensor] = network._get_adapters()
    path = folder / f"adapter.{language}.safetensors"
    tensors = {name: t.detach().cpu().contiguous() for name, t in weights.items()}
    write_weights(tensors, {"format": "pt"}, path)
