"""Emissions with a known path in them."""

import numpy as np
import numpy.typing as npt


def planted(
    frames: int, length: int, *, labels: int = 30, noise: float = 1.0, seed: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return log-probabilities (T, C), tokens (L,) and the frame of each token (L,).

    Column 0 is the blank; every token has one frame, with a blank before the next.
    """
    rng = np.random.default_rng(seed)
    tokens = rng.integers(1, labels, length)
    spoken = np.sort(rng.choice((frames - 1) // 2, length, replace=False)) * 2
    logits = rng.normal(size=(frames, labels)) * noise
    logits[:, 0] += 9
    logits[spoken, 0] -= 9
    logits[spoken, tokens] += 9
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return logits.astype(np.float32), tokens, spoken
