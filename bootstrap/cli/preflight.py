"""`bootstrap preflight`: every check that `init` makes first, and nothing else."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.inputs import CONFIG, OUTPUT, STRICT, overrides, read_config
from bootstrap.cli.flags.options import takes
from bootstrap.cli.screens.screen import say, show_json
from bootstrap.model.errors import Exit
from bootstrap.model.flags import INIT, writing

WIDTH = 100


@takes(CONFIG, *writing(INIT), STRICT, OUTPUT)
def preflight(verb: Annotated[str, typer.Argument(help="What is to come: init.")] = INIT, **given: Any) -> int:
    """Check whether this machine can become a control plane; all findings at once, each with its fix."""
    from bootstrap.host.program import manifests
    from bootstrap.workflows.init import Request, addon_remarks, decide
    from bootstrap.workflows.mode import enter

    if verb != INIT:
        raise typer.BadParameter(INIT, param_hint="VERB")
    mode, host = enter()
    request = Request(read_config(given["config"], host), overrides(INIT, given, host), strict=given["strict"])
    decision = decide(host, mode.name, request)
    warnings = (*decision.warnings, *addon_remarks(host, decision, manifests()))
    if given["output"] == "json":
        show_json(as_document(decision.preflight) | {"warnings": warnings})
    else:
        for warning in warnings:
            say(warning, "!")
        _show(decision.preflight)
    return Exit.PREFLIGHT if decision.preflight.errors else Exit.OK


def as_document(preflight: Any) -> dict[str, Any]:
    """`{ok, checks: [{name, result}], findings: [{name, message, fix, error}]}`."""
    return {
        "ok": not preflight.errors,
        "checks": [{"name": o.check.name, "result": o.verdict} for o in preflight.outcomes],
        "findings": [asdict(finding) for finding in preflight.findings],
    }


def _show(preflight: Any) -> None:
    """What is well in a few lines, then warnings, then errors."""
    found = {o.check.name for o in preflight.outcomes if o.findings}
    well = list(dict.fromkeys(o.check.name for o in preflight.outcomes if o.check.name not in found))
    first, *more = textwrap.wrap(", ".join(well), WIDTH, break_on_hyphens=False) or ["nothing"]
    say(first, "✓")
    for line in more:
        say(f"   {line}")
    for mark, findings in (("!", preflight.warnings), ("✗", preflight.errors)):
        for finding in findings:
            say(f"{finding.name}: {finding.message}", mark)
            say(f"     fix    {finding.fix}")
    say()
    say(_summary(preflight))
    if preflight.errors:
        names = ",".join(dict.fromkeys(finding.name for finding in preflight.errors))
        say(f"correct it, or go on at your own risk: --ignore-preflight-errors={names}")


def _summary(preflight: Any) -> str:
    return f"{preflight.count} checks: " + ", ".join(
        f"{len(findings)} {word}{'s' * (len(findings) != 1)}"
        for word, findings in (("error", preflight.errors), ("warning", preflight.warnings))
    )
