"""Events as programs read them: one JSON object each, with stable names."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any, get_args

from bootstrap.model.events import Told

VERSION = 1
"""Of the records: it changes when a name or a meaning does. New fields and events may come without that."""
ENVELOPE = {
    "version": "of this format: 1",
    "time": "when, in UTC, with milliseconds",
    "node": "the node's name; empty until it is known, and for what `cluster create` itself does",
    "event": "which of those below",
}
FIELDS = {
    "verb": "the command: `init`, `join`, `reset` or `cluster create`",
    "steps": "each with `step`, `group` and `after`: the steps that have to be done before it starts",
    "step": "the step's stable [id](phases.md); `discovery` while `join` looks for its cluster",
    "group": "the line of the screen that it belongs to",
    "condition": "what is waited for",
    "seen": "what the last look found; told when it is something new",
    "changed": "what was different and is changed now; empty where all was right",
    "started": "seconds from the begin of the first step",
    "seconds": "how long it took",
    "total": "of `run-done`: seconds for all of it; of `transferred`: bytes of the image",
    "what": "what happened",
    "why": "why it probably did",
    "fix": "what to type next",
    "details": "further lines of evidence",
    "code": "the [exit code](exit-codes.md)",
    "image": "name of the image",
    "host": "where it comes from",
    "done": "bytes that have arrived",
    "name": "the object",
    "fields": "fields that somebody else has set, and that stay",
    "managers": "who set them",
    "empty": "whether we only made room for them",
}
"""What each field means, in every event that has it."""
KINDS = get_args(Told)


def event_name(kind: type) -> str:
    """`StepStarted`: `step-started`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()


def record(event: Told, time: str, node: str) -> dict[str, Any]:
    return {"version": VERSION, "time": time, "node": node, "event": event_name(type(event)), **asdict(event)}
