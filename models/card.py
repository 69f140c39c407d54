"""What a model card (README.md) says of a model's licence."""

from pathlib import Path

import yaml


def card_licence(folder: Path) -> str:
    """Return the licence that the card in a model's folder names, "" if it names none.

    Several are joined by AND: each may bind. A card that cannot be read names none.
    """
    from huggingface_hub import metadata_load

    try:
        card = metadata_load(folder / "README.md") or {}
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    named = card.get("license") or ""
    if named == "other":
        named = card.get("license_name") or named
    names = named if isinstance(named, list) else [named]
    return " AND ".join(str(name) for name in names)
