"""What a server wants of somebody who asks without being known: the WWW-Authenticate header (RFC 9110, 11.6.1).

One header holds several challenges, several headers are joined by commas, and commas split a challenge's parameters
too: a word begins a challenge unless `=` follows it. Values without quotes are taken whatever stands in them (URLs do).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'({_WORD})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEME = re.compile(rf"({_WORD})(?:[ \t]+[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$)))?")
"""A scheme, with its token68 (`Negotiate abc=`) where it has one."""
_BETWEEN = re.compile(r"[ \t,]+")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True)
class Challenge:
    """`scheme` and the parameters' names are in small letters."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def challenges(header: str) -> tuple[Challenge, ...]:
    """All of a header, in its order; what is not by the grammar is passed over."""
    found: list[tuple[str, dict[str, str]]] = []
    at = 0
    while at < len(header):
        if between := _BETWEEN.match(header, at):
            at = between.end()
        elif found and (parameter := _PARAMETER.match(header, at)):
            name, quoted, plain = parameter.groups()
            found[-1][1].setdefault(name.lower(), plain or _ESCAPED.sub(r"\1", quoted or ""))
            at = parameter.end()
        elif scheme := _SCHEME.match(header, at):
            found.append((scheme[1].lower(), {}))
            at = scheme.end()
        else:
            at += 1
    return tuple(Challenge(scheme, parameters) for scheme, parameters in found)
