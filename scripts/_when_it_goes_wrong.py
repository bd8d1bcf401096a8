"""The page on what to do when it goes wrong: the words of each message as a heading, so that a search finds them.

Messages of checks are those that the machines of the unit tests get; lines of logs are those that rules are tried on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bootstrap.diagnosis.rule import Rule
from bootstrap.diagnosis.rules import RULES
from bootstrap.model.errors import BootstrapError
from bootstrap.preflight.finding import Check, Finding
from bootstrap.preflight.start import require_start
from tests.unit.diagnosis.lines import NOT_RUN, RUN
from tests.unit.preflight.bad_machines import TABLE
from tests.unit.preflight.bad_starts import LIMITS, WRONG
from tests.unit.preflight.machine import run

LINES = {**RUN, **NOT_RUN}
LINE_LENGTH = 300
INTRODUCTION = """\
Search this page for the words of a message; numbers, names and addresses differ.

| When | What to type | What it says |
|---|---|---|
| before anything is written | `bootstrap preflight`, or `init` | every finding with its way out; exit 4 |
| `init` waits | nothing | after 10 s what it waits for, and the cause once waiting does not cure it; exit 6 |
| a node broke later | `bootstrap diagnose` | the most probable cause first, with evidence and what to type; exit 6 |
| a container has ended | `docker logs NAME` | one message; [its exit code](../reference/exit-codes.md) |

In tables: [all checks](../reference/preflight.md), [all rules](../reference/diagnose.md). Why they are made so:
[How failures are named](../explanation/diagnosis.md).
"""


def page(head: str) -> str:
    """All of it; `head` stands below the title."""
    return "\n".join(
        [
            "# When it goes wrong\n",
            head,
            INTRODUCTION,
            "## A node container ends at once (exit 2 or 4)\n",
            "Asked before the first write; options are those of `docker run`, and the command that works is shown.\n",
            *_starts(),
            "## Before anything is written: preflight (exit 4)\n",
            "A warning stops nothing; `--ignore-preflight-errors=NAME` makes one of an error.\n",
            *_checks(),
            "## While init waits, and on a node that broke later: diagnose (exit 6)\n",
            *map(_rule, RULES),
        ]
    )


def _starts() -> Iterator[str]:
    for container in [sample[0] for sample in (*WRONG.values(), *LIMITS.values())]:
        try:
            require_start(container)
        except BootstrapError as error:
            yield f"### {_plain(error.what)}\n\nWhy: {_plain(error.why)}.\n\n**Next:** {_plain(error.fix)}\n"


def _checks() -> Iterator[str]:
    told: set[str] = set()
    for cfg, changes, _, _ in TABLE:
        for outcome in run(cfg, **changes).outcomes:
            for finding in outcome.findings:
                if finding.message not in told:
                    told.add(finding.message)
                    yield _check(outcome.check, finding)


def _check(check: Check, finding: Finding) -> str:
    severity = "error" if finding.error else "warning"
    return (
        f"### {_plain(finding.message)}\n\n`{finding.name}`, {severity}. What has to be so: {check.what}\n\n"
        f"**Next:** {_plain(finding.fix)}\n"
    )


def _rule(rule: Rule) -> str:
    line = LINES.get(rule.id, ("", ""))[1]
    said = f"    {_around(line)}\n\n" if line else ""
    ends = " It ends a wait: waiting does not cure it." if rule.definite else ""
    why, following = _filled(rule.why), _filled(rule.next)
    return f"### {_filled(rule.what)}\n\n{said}`{rule.id}`. Why: {why}.{ends}\n\n**Next:** {following}\n"


def _around(line: str) -> str:
    """A long line from its end backwards: what matters mostly stands there."""
    return line if len(line) <= LINE_LENGTH else f"…{line[-LINE_LENGTH:]}"


def _filled(template: str) -> str:
    """What is filled in, in capitals."""
    text = re.sub(r"(?<!\{)\{(\w+)\}(?!\})", lambda field: field[1].upper(), template)
    return _plain(text.replace("{{", "{").replace("}}", "}"))


def _plain(text: str) -> str:
    """As Markdown shows it unchanged."""
    return re.sub(r"([*_<\[\]|])", r"\\\1", text)
