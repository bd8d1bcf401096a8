"""Values that are written where they belong and shown nowhere.

A value of a secret field is a `Secret` from where it is read or made. Whatever is shown goes through `hidden`, which
knows all of them by then; only what is meant to be handed on (the line to join with) is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MARK = "(hidden)"
SECRET_FIELDS = ("token", "tlsBootstrapToken", "certificateKey")
"""Fields of the configuration whose values nobody is to see."""
_SHORTEST = 6
"""A shorter value is part of too many words to be looked for."""
_USER = re.compile(r"(?<=://)[^/@\s\"']+(?=@)")
_FIELD = re.compile(rf"\b({'|'.join(SECRET_FIELDS)})(\"?: ?)\S.*")
_SHAPE = re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b|(?<!sha256:)\b[0-9a-fA-F]{64}\b")
_known: set[str] = set()


class Secret(str):
    """Equal to its text and usable as such; known to `hidden` from when it is made."""

    __slots__ = ()

    def __new__(cls, text: str = "") -> Secret:
        if len(text) >= _SHORTEST:
            _known.add(str(text))
        return super().__new__(cls, text)

    def __repr__(self) -> str:
        return repr(MARK)


def hidden(text: str) -> str:
    """`text` without secrets, and without the logins in URLs."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MARK)
    return _USER.sub(MARK, text)


def hidden_values(value: Any) -> Any:
    """The same for every text in lists and mappings."""
    if isinstance(value, Mapping):
        return {key: hidden_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [hidden_values(item) for item in value]
    return hidden(value) if isinstance(value, str) else value


def hidden_lines(text: str) -> str:
    """The same for lines of files as they were, whose secrets are none of this run: by the names of their fields."""
    return _FIELD.sub(rf"\1\2{MARK}", hidden(text))


def hidden_words(words: list[str]) -> list[str]:
    """The same for the command line of another process: by what tokens and keys look like."""
    return [_SHAPE.sub(MARK, hidden(word)) for word in words]


def login_of(url: str) -> None:
    """Makes the login inside a proxy's address known, also where it has no scheme."""
    login = Secret(url.rpartition("@")[0].rpartition("//")[2])
    Secret(login.partition(":")[2])
