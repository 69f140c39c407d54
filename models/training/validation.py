"""How well a network spells clips that it does not learn from."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from torch import nn

from models.decoding.error_rates import ErrorRates, Transcript, rates_by_language
from models.decoding.greedy import greedy_text
from models.networks.speech_network import Encoded, SpeechNetwork

if TYPE_CHECKING:
    from models.training.ctc import CtcBatch


def measured(network: SpeechNetwork, batches: Sequence["CtcBatch"]) -> dict[str, float]:
    """Return error rates by name, greedily decoded; empty without clips.

    Args:
      network: in eval mode, on any device.
      batches: on any device; their texts are the truth.

    Returns:
      ``cer`` and ``wer`` pooled over all letters and words, ``cer/<code>`` and
      ``wer/<code>`` of each language, and ``language_wrong``, the share of clips whose
      language is not told right, where the network tells languages. No ``wer`` where
      it writes no spaces.
    """
    transcripts: list[Transcript] = []
    told = wrong = 0
    for batch, encoded in _encoded(network, batches):
        transcripts += _transcripts(network, batch, encoded)
        if encoded.language_logits_BL is not None:
            best_B = encoded.language_logits_BL.argmax(-1).cpu()
            is_known = batch.languages_B >= 0
            told += int(is_known.sum())
            wrong += int((best_B != batch.languages_B)[is_known].sum())
    if not transcripts:
        return {}
    has_words = network.vocabulary.word_separator is not None
    measures = _named(transcripts, has_words=has_words)
    return measures | ({"language_wrong": wrong / told} if told else {})


def _encoded(
    network: SpeechNetwork, batches: Iterable["CtcBatch"]
) -> Iterator[tuple["CtcBatch", Encoded]]:
    assert isinstance(network, nn.Module)
    device = next(network.parameters()).device
    for batch in batches:
        if batch.keys:
            inputs = batch.to(device).inputs
            yield batch, network(inputs.values, inputs.lengths)


def _transcripts(
    network: SpeechNetwork, batch: "CtcBatch", encoded: Encoded
) -> Iterator[Transcript]:
    log_probs_BTC = encoded.logits_BTC.float().log_softmax(-1).cpu().numpy()
    frames = encoded.frames.tolist()
    for k, (text, code) in enumerate(zip(batch.texts, batch.codes, strict=True)):
        heard = greedy_text(log_probs_BTC[k, : frames[k]], network.vocabulary)
        yield Transcript(language=code, reference=text, heard=heard)


def _named(transcripts: list[Transcript], *, has_words: bool) -> dict[str, float]:
    of = rates_by_language(transcripts)
    rates = {"": sum(of.values(), ErrorRates())}
    rates |= {f"/{code}": found for code, found in of.items()}
    named = {f"cer{name}": found.cer for name, found in rates.items()}
    if has_words:
        named |= {f"wer{name}": found.wer for name, found in rates.items()}
    return named
