"""The reference page of what `--events` writes."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields

from bootstrap.model.event_records import ENVELOPE, FIELDS, KINDS, event_name, record
from bootstrap.model.events import StepDone

EXAMPLE = record(
    StepDone("certs/ca", "Certificates", ("/etc/kubernetes/pki/ca.crt",), 0.1, 0.02), "2026-01-02T03:04:05.678Z", "n1"
)


def page(head: str) -> str:
    return "\n".join(
        [
            "# Events\n",
            head,
            "`init`, `join`, `reset` and `cluster create` write with `--events FILE` what happens, while it happens: "
            "one JSON object a line (NDJSON), added to the end of the file. `--events -` writes them to standard "
            "output, and nothing else then; those of a node container are in `docker logs`. Errors are told on "
            "standard error.\n",
            "    docker run --rm --privileged --pid=host --network=host -v /:/host IMAGE init --events - | jq .event\n",
            "`cluster create --events` is one stream for all nodes: what each of them tells, with its name, and what "
            "the command itself does, without one. The nodes' own logs have them then too.\n",
            "A file that cannot be written is an error (exit 2) before anything happens. One that takes no more (a "
            "full disk, a pipe that nobody reads) is a warning, and the run goes on. Secrets are never in it.\n",
            f"    {json.dumps(EXAMPLE)}\n",
            "Every object has these:\n",
            *(f"- `{name}`: {says}" for name, says in ENVELOPE.items()),
            "\nand what its event has. Names stay; new events and fields may come. A run begins with `run-started` "
            "and ends with `run-done` or `run-failed`; one that was killed has neither.\n",
            "| Event | Fields | What it says |",
            "|---|---|---|",
            *(f"| `{event_name(k)}` | {', '.join(f'`{f.name}`' for f in fields(k))} | {_says(k)} |" for k in KINDS),
            "\n| Field | Meaning |",
            "|---|---|",
            *(f"| `{name}` | {says} |" for name, says in FIELDS.items()),
            "",
        ]
    )


def _says(kind: type) -> str:
    return " ".join(inspect.cleandoc(kind.__doc__ or "").split())
