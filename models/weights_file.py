"""Weights on disk as safetensors: equal ones give equal bytes, written whole."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from models.whole_file import whole_file


def write_weights(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str], path: Path
) -> None:
    """Replace a file of weights; a kill leaves the one before or this one.

    Args:
      tensors: contiguous, by name.
      metadata: kept in the file's header.
      path: in a folder that is there.
    """
    data = _with_ordered_header(save(dict(tensors), dict(metadata)))
    with whole_file(path) as temporary:
        temporary.write_bytes(data)


def _with_ordered_header(data: bytes) -> bytes:
    """Sort the header of safetensors: its metadata come in a random order.

    Without that equal weights would have other fingerprints each time they are saved.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    text = json.dumps(json.loads(data[8:end]), sort_keys=True, separators=(",", ":"))
    header = text.encode()
    header += b" " * (-len(header) % 8)  # the format aligns what follows
    return len(header).to_bytes(8, "little") + header + data[end:]
