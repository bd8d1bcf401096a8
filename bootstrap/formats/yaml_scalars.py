"""What a plain word means in YAML as Kubernetes reads it (sigs.k8s.io/yaml, which is go-yaml v2).

It knows YAML 1.1's booleans (`on`, `yes`, `y`) and octal numbers with and without an `o`; `10:30` and dates are text.
"""

from __future__ import annotations

import math
import re
from typing import Any

_BOOLEANS = {
    word: value
    for value, words in ((True, ("y", "yes", "on", "true")), (False, ("n", "no", "off", "false")))
    for lower in words
    for word in (lower, lower.title(), lower.upper())
}
_NULLS = {"", "~", "null", "Null", "NULL"}
_NO_NUMBERS = {f"{sign}.{word}" for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")} | {".nan", ".NaN", ".NAN"}
"""Infinite, and not a number: JSON has no word for them, so that Kubernetes refuses them wherever a number is meant."""
_INTEGER = re.compile(r"[-+]?(?:0[bB][01]+|0[oO]?[0-7]+|0[xX][0-9a-fA-F]+|[1-9][0-9]*|0)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NUMBER_START = frozenset("+-.0123456789")
_EXACT = 2**53
"""Whole numbers below are the same in a float."""


def plain(text: str) -> Any:
    """The value of a word without quotes: None, bool, int, float or the text itself."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    return _number(text) if text[0] in _NUMBER_START else text


def needs_quotes(text: str) -> bool:
    """Whether a string without quotes would become something else."""
    return text in _NO_NUMBERS or not isinstance(plain(text), str)


def _number(text: str) -> Any:
    digits = text if text.startswith(".") else text.replace("_", "")
    if _INTEGER.fullmatch(digits) and (number := _integer(digits)) is not None:
        return number
    if not _FLOAT.fullmatch(digits):
        return text
    value = float(digits)
    if not math.isfinite(value):
        return text
    return int(value) if abs(value) < _EXACT and value.is_integer() else value


def _integer(digits: str) -> int | None:
    """None where Go has no integer that large."""
    octal = re.fullmatch(r"([-+]?)0([0-7]+)", digits)
    text = f"{octal[1]}0o{octal[2]}" if octal else digits
    value = int(text, 0) if len(text) < 80 else _EXACT**2
    return value if -(2**63) <= value < 2**64 else None
