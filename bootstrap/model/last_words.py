"""What a node says last of its start: for people, and for who watches several of them by their logs."""

from __future__ import annotations

import re

from bootstrap.model.errors import BootstrapError, Exit

UP, JOINED, UNCHANGED = "is up in", "has joined", "nothing changed:"
_DONE = re.compile(rf"^(Kubernetes \S+ {UP} |\S+ {JOINED} |{UNCHANGED})")
FAILED = " ✗ "
OF_THE_ENGINE = "change what the engine gives to all its containers (its daemon.json), then run the same command again"
"""A node of a cluster has no `docker run` of its own, whose options could be changed."""
_PARTS = {"why": re.compile(r"^ +why +(.*)"), "fix": re.compile(r"^ +(?:next|or) +(.*)")}


def is_done(line: str) -> bool:
    return bool(_DONE.match(line))


def said_failure(node: str, lines: list[str], code: int) -> BootstrapError:
    """The error that a log ends with, as that of this node; with `code`, the one that its container ended with."""
    start = max((i for i, line in enumerate(lines) if line.startswith(FAILED)), default=None)
    block = lines[start:] if start is not None else lines[-10:]
    what = block[0].removeprefix(FAILED).strip() if start is not None else "it ended without a word of why"
    parts, details = {"why": "", "fix": ""}, []
    for line in block[1:] if start is not None else block:
        name = next((name for name, pattern in _PARTS.items() if pattern.match(line)), "")
        if name and not parts[name]:
            parts[name] = _PARTS[name].sub(r"\1", line)
        elif line.strip():
            details.append(line.strip())
    if parts["fix"].startswith("docker run"):
        parts["fix"] = OF_THE_ENGINE
    return BootstrapError(
        f"{node}: {what}",
        code=Exit(code) if code in set(Exit) - {Exit.OK} else Exit.EFFECT,
        details=tuple(details),
        **parts,
    )
