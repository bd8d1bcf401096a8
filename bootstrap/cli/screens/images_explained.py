"""What `images explain` shows: every place, its answer, and which one a pull would use."""

from __future__ import annotations

from typing import Any

from bootstrap.cli.screens.screen import say
from bootstrap.cli.screens.transfer import megabytes


def explained_document(found: Any) -> dict[str, Any]:
    return {
        "image": found.image,
        "platform": found.platform,
        "winner": found.winner,
        "upstreamNotAsked": found.closed or None,
        "candidates": [
            {
                "url": answer.candidate.server.url,
                "repository": answer.candidate.repository,
                "rule": answer.candidate.why,
                "reachable": answer.seconds is not None,
                "milliseconds": None if answer.seconds is None else round(answer.seconds * 1000, 1),
                "via": answer.via or None,
                "digest": answer.resolved.top.digest if answer.resolved else None,
                "manifest": answer.resolved.manifest.digest if answer.resolved else None,
                "bytes": answer.resolved.size if answer.resolved else None,
                "problem": answer.problem or None,
                "containerd": answer.candidate.containerd,
                "hindrances": list(answer.candidate.hindrances),
            }
            for answer in found.answers
        ],
    }


def show_explained(found: Any, locked: bool) -> None:
    say(f"{found.image} for {found.platform}")
    for number, answer in enumerate(found.answers):
        candidate = answer.candidate
        say(f"{number + 1}. {candidate.server.url}/{candidate.repository}   ({candidate.why})", _mark(found, number))
        if answer.problem:
            say(f"        {answer.problem}")
        if answer.resolved:
            size = megabytes(answer.resolved.size)
            say(f"        {answer.resolved.top.digest}, {size} MB, answered in {answer.seconds * 1000:.0f} ms")
        if answer.via:
            say(f"        through the proxy {answer.via}")
        say(f"        {_containerd(candidate)}")
    if found.closed:
        say(f"   upstream is not asked: {found.closed}")
    if found.winner is None:
        say("no place has it", "✗")
        return
    why = "the first in order that has it" + (" with the locked digest" if locked else "")
    say(f"   a pull uses {found.winner + 1}: {why}\n")


def _mark(found: Any, number: int) -> str:
    return "✓" if number == found.winner else "✗" if found.answers[number].problem else " "


def _containerd(candidate: Any) -> str:
    if candidate.containerd and not candidate.hindrances:
        return "containerd gets there by itself (hosts.toml)"
    if candidate.containerd:
        return f"containerd gets there by itself, but cannot say {'; '.join(candidate.hindrances)}"
    return f"brought in by `images pull`; containerd cannot say {'; '.join(candidate.hindrances)}"
