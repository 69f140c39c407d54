"""How numbers are written on the pages."""

import math

_MINUS = "\N{MINUS SIGN}"


def decimal(value: float, digits: int) -> str:
    """Return a number with so many decimals, a dash for NaN.

    >>> decimal(-1234.5, 2)
    '−1,234.50'
    """
    if math.isnan(value):
        return "–"
    text = f"{value:,.{digits}f}"
    is_zero = not text.strip("-0.,")
    return text.lstrip("-") if is_zero else text.replace("-", _MINUS)


def measured(value: float) -> str:
    """Return a measured value with three figures that matter.

    >>> [measured(value) for value in (-0.0612, 12.345, 1234.5)]
    ['−0.061', '12.3', '1,234']
    """
    if not math.isfinite(value):
        return decimal(value, 0)
    size = abs(value)
    return decimal(value, 3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0)


def hours(value: float) -> str:
    """Return hours; below ten with two decimals.

    >>> [hours(value) for value in (0.4182, 12.34, 2345.6)]
    ['0.42', '12.3', '2,346']
    """
    return decimal(value, 2 if value < 10 else 1 if value < 1000 else 0)


def share(part: float, whole: float) -> str:
    """Return a share in percent, a dash of nothing.

    >>> share(1, 8), share(1, 0)
    ('12.5 %', '–')
    """
    return f"{decimal(part / whole * 100, 1)} %" if whole else "–"


def clock(seconds: float) -> str:
    """Return a time within a recording.

    >>> clock(3723.25)
    '1:02:03.2'
    """
    tenths = int(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    whole_hours, minutes = divmod(minutes, 60)
    tail = f"{minutes:02d}:{rest // 10:02d}.{rest % 10}"
    return f"{whole_hours}:{tail}" if whole_hours else tail


def digits_of(step: float) -> int:
    """Return how many decimals tell multiples of a round step apart.

    >>> digits_of(0.025), digits_of(5.0)
    (3, 0)
    """
    return next(n for n in range(13) if abs(round(step, n) - step) < 1e-12)
