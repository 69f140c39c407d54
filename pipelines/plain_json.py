"""Values as JSON can hold them."""

import math
from typing import Any


def without_nan(value: Any) -> Any:
    """Return a value with None for NaN, also within lists and dicts."""
    if isinstance(value, dict):
        return {name: without_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
