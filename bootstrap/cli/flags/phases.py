"""kubeadm's `VERB phase NAME [NAME] …` as `VERB --phase NAME/NAME …`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from bootstrap.model.flags import INIT, JOIN, RUN, Flag
from bootstrap.phases.naming import ALL, OF_JOIN

PHASE = Flag("phase", "One phase alone.", RUN, hidden=True)


def phase_arguments(argv: Sequence[str]) -> list[str]:
    """The words before the first option are the phase; of `join` the last of them may be the API server instead."""
    if list(argv[1:2]) != ["phase"] or argv[0] not in (INIT, JOIN):
        return list(argv)
    words = list(takewhile(lambda word: not word.startswith("-"), argv[2:]))
    count = len(words) if argv[0] == INIT else _of_join(words)
    return [argv[0], PHASE.shown, "/".join(words[:count]), *argv[2 + count :]]


def _of_join(words: Sequence[str]) -> int:
    """How many of them are the name."""
    two = "/".join(words[:2])
    return min(len(words), 2 if two.endswith(ALL) or (OF_JOIN.knows(two) and len(words) > 1) else 1)
