"""The head that tells languages, fitted to an encoder before the two learn together.

A random head would first teach the encoder its own mistakes: what it knows of voices
that are not in the training is lost. Source: Kumar et al. 2022 (first a linear probe,
then all weights).

Shapes: n clips, D pooled features, L languages.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.heads import LanguageHead
from models.training.lid import LanguageBatch

_PENALTY = 1e-3
"""On squared weights of features that were brought to one scale."""
_ROUNDS = 100


def fit_language_head(
    network: nn.Module, head: LanguageHead, batches: Iterable[LanguageBatch]
) -> None:
    """Set the head to the logistic regression over what an encoder makes of clips.

    Args:
      network: stays as it is but for the head.
      head: the network's, changed in place.
      batches: some clips of each language, at least one.
    """
    pooled_nD, languages_n = _pooled(network, head, batches)
    centre_D, scale_D = pooled_nD.mean(0), pooled_nD.std(0, correction=0) + 1e-5
    weight_LD, bias_L = _regression(
        (pooled_nD - centre_D) / scale_D, languages_n, len(head.languages)
    )
    with torch.no_grad():
        weight_LD = weight_LD / scale_D
        head.layer.weight.copy_(weight_LD)
        head.layer.bias.copy_(bias_L - weight_LD @ centre_D)


def _pooled(
    network: nn.Module, head: LanguageHead, batches: Iterable[LanguageBatch]
) -> tuple[Tensor, Tensor]:
    seen: list[Tensor] = []

    def keep(_: nn.Module, inputs: tuple[Tensor, Tensor]) -> None:
        seen.append(head.pooled(*inputs).float().cpu())

    device = next(network.parameters()).device
    listening = head.register_forward_pre_hook(keep)
    was_training = network.training
    network.eval()
    languages = []
    try:
        with torch.no_grad():
            for batch in batches:
                inputs = batch.to(device).inputs
                network(inputs.values, inputs.lengths)
                languages.append(batch.languages_B)
    finally:
        listening.remove()
        network.train(was_training)
    return torch.cat(seen), torch.cat(languages)


def _regression(
    features_nD: Tensor, languages_n: Tensor, languages: int
) -> tuple[Tensor, Tensor]:
    """Return weights (L, D) and biases (L,); equal inputs give equal ones."""
    weight_LD = torch.zeros(languages, features_nD.shape[1], requires_grad=True)
    bias_L = torch.zeros(languages, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weight_LD, bias_L], max_iter=_ROUNDS, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        logits_nL = features_nD @ weight_LD.T + bias_L
        total = functional.cross_entropy(logits_nL, languages_n)
        total = total + _PENALTY * weight_LD.square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    return weight_LD.detach(), bias_L.detach()
