"""`bootstrap diagnose`: the findings of the rule book, as text or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from bootstrap.cli.flags.inputs import Output
from bootstrap.cli.screens.screen import say, show_json
from bootstrap.diagnosis.rule import Cause
from bootstrap.model.errors import Exit


def diagnose(output: Output = "text") -> int:
    """Say what is wrong with this node, the most probable cause first, with evidence and the next command."""
    from bootstrap.workflows.diagnose import diagnose as findings_of
    from bootstrap.workflows.mode import enter

    mode, host = enter()
    findings = findings_of(host, mode.name)
    if output == "json":
        show_json({"findings": [asdict(finding) for finding in findings]})
    else:
        _show(findings)
    return Exit.WAIT if findings else Exit.OK


def _show(findings: Sequence[Cause]) -> None:
    if not findings:
        say("nothing found: the kubelet, the runtime and the control plane run", "✓")
    for finding in findings:
        say(finding.what, "✗" if finding.definite else "!")
        for line in finding.evidence:
            say(f"     {finding.source}: {line}")
        say(f"   why    {finding.why}")
        say(f"   next   {finding.next}")
