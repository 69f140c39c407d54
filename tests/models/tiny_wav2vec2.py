"""Makes wav2vec 2.0 checkpoints of a few kilobytes in the formats of the real ones."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
)

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "|")
LETTERS = {"eng": "abcdefgh'", "swh": "abcdefgijk", "ell": "αβγδεζ"}


def columns(letters: str) -> dict[str, int]:
    return {token: k for k, token in enumerate((*SPECIAL, *letters))}


def tiny_config(**changes) -> Wav2Vec2Config:
    settings = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "conv_dim": (8,) * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,
        "pad_token_id": 0,
        "vocab_size": len(columns(LETTERS["eng"])),
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "conv_bias": True,
    }
    return Wav2Vec2Config(**(settings | changes))


def random_model(config: Wav2Vec2Config, seed: int = 0) -> Wav2Vec2ForCTC:
    """Weights large enough for the outputs to differ clearly from frame to frame."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Wav2Vec2ForCTC(config).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return model


def save_tokenizer(folder: Path, vocabulary: dict, **settings) -> None:
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), **settings)
    tokenizer.save_pretrained(folder)


def save_plain(folder: Path, *, normalise: bool = True, letters: str = "", **changes):
    """A checkpoint for one language; returns the network that was saved."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = columns(letters or LETTERS["eng"])
    model = random_model(tiny_config(vocab_size=len(vocabulary), **changes))
    model.save_pretrained(folder)
    save_tokenizer(folder, vocabulary)
    Wav2Vec2FeatureExtractor(do_normalize=normalise).save_pretrained(folder)
    return model


def save_with_adapters(folder: Path, *, default: str | None = "eng"):
    """A checkpoint as MMS: nested vocabulary, one adapter file for each language."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {language: columns(letters) for language, letters in LETTERS.items()}
    base = random_model(
        tiny_config(adapter_attn_dim=4, vocab_size=len(vocabulary["eng"]))
    )
    base.save_pretrained(folder)
    for seed, language in enumerate(LETTERS, start=10):
        width = len(vocabulary[language])
        trained = random_model(tiny_config(adapter_attn_dim=4, vocab_size=width), seed)
        weights = {
            name: tensor.detach().contiguous()
            for name, tensor in trained._get_adapters().items()
        }
        save_file(weights, folder / f"adapter.{language}.safetensors", {"format": "pt"})
    save_tokenizer(folder, vocabulary, target_lang="eng")
    if default is None:
        settings = json.loads((folder / "tokenizer_config.json").read_text())
        settings.pop("target_lang", None)
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return base
