"""Strings that readers of YAML take for something else, and a seeded maker of more of their kind."""

from __future__ import annotations

import random
from collections.abc import Iterator

WORDS = (
    *("y", "Y", "n", "N", "yes", "No", "on", "OFF", "true", "False", "~", "null", "NULL", "", "=", "<<", "-", "?", ":"),
    *(
        "08",
        "010",
        "0o17",
        "0x1F",
        "0b11",
        "1e9",
        "1E3",
        "1e+3",
        "-1",
        "+1",
        "1_000",
        "0_7",
        ".5",
        "5.",
        "1.5",
        "-.5e3",
    ),
    *(".inf", "-.INF", "+.inf", ".NaN", "12:30", "1:2:3", "2030-01-01", "2030-01-01T00:00:00Z", "18446744073709551616"),
    *(
        "::",
        "a: b",
        "a #b",
        "#a",
        "@a",
        "`a",
        "%a",
        "*a",
        "&a",
        "!a",
        "!!int 5",
        "|",
        ">",
        "{a}",
        "[a]",
        "a,",
        "'",
        '"',
    ),
    *(
        " a",
        "a ",
        "\ta",
        "a\t",
        "\n",
        "a\n",
        "\na",
        "a\n\n",
        " a\n b",
        "a\r\nb",
        "a\rb",
        "a\n\tb",
        "---",
        "...",
        "--- a",
    ),
    *(
        "ü",
        "日本",
        "😀",
        "\x85",
        "\u2028a",
        "\ufeff",
        "a\ufeff",
        "\x7f",
        "\x00",
        "\x1b[0m",
        "\u00a0",
        "a\n# b\n",
        "k:\n- v",
    ),
)
_LETTERS = "yYnNoOtTfF~eExXbB_0123456789+-.:,#&*!|>'\"%@`{}[]?= \t\n\r\\ü\x85\u2028\ufeff😀a"


def strings(count: int, seed: int = 37) -> Iterator[str]:
    """All words, then random ones; the same ones for the same seed."""
    yield from WORDS
    maker = random.Random(seed)  # noqa: S311 - nothing secret
    for _ in range(count):
        yield "".join(maker.choices(_LETTERS, k=maker.randint(1, 6)))
