"""Evidence in, findings out, the most probable cause first; and the one that ends a wait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bootstrap.diagnosis.evidence import Evidence, Places
from bootstrap.diagnosis.rule import Cause, Match, Rule
from bootstrap.diagnosis.rules import CRASH_LOOP, GENERAL, RULES
from bootstrap.model.errors import BootstrapError, Exit

ENOUGH = 2
"""How often a definite failure must have happened to end a wait: once may be the order in which things start."""
CRASHES = 5
"""Ends of one container after which no known cause is needed any more: 10 + 20 + 40 s of back-off lie between them."""
RESUME = (
    "then run the same command again: it goes on where it stopped "
    "(init: with --reconfigure if its configuration is another one)"
)
MORE = "bootstrap diagnose · journalctl -u kubelet -n 50"


def judge(evidence: Evidence) -> tuple[Cause, ...]:
    """All findings: definite ones first, then in the order of the rule book, which goes from causes to consequences."""
    found: list[Cause] = []
    told: set[str] = set()
    for rule in RULES:
        for match in rule.find(evidence):
            explained = rule in GENERAL and any(f.source == match.source for f in found)
            lines = match.whole or match.lines
            if not explained and not told.intersection(lines):  # one line has one cause
                found.append(_finding(rule, match, evidence.places))
                told.update(lines)
    return tuple(sorted(found, key=lambda finding: not finding.definite))


def fatal(findings: Iterable[Cause]) -> Cause | None:
    """The first that waiting does not cure."""
    for finding in findings:
        if finding.times >= (CRASHES if finding.rule == CRASH_LOOP else ENOUGH) and finding.definite:
            return finding
    return None


def ended_early(finding: Cause, seconds: float) -> BootstrapError:
    """The error (exit 6) of a wait that a definite failure ended after `seconds`."""
    return BootstrapError(
        f"{finding.what}; the wait ended after {seconds:.0f} s, since waiting does not cure it",
        code=Exit.WAIT,
        why=finding.why,
        details=_evidence(finding),
        fix=f"{finding.next}, {RESUME}",
        more=MORE,
    )


def explained(error: BootstrapError, findings: tuple[Cause, ...], otherwise: tuple[str, ...]) -> BootstrapError:
    """A wait that timed out, with its probable cause; `otherwise` is shown where the rule book knows none."""
    if not findings:
        fix = f"correct it, {RESUME}"
        return BootstrapError(error.what, code=error.code, why=error.why, details=otherwise, fix=fix, more=MORE)
    finding = findings[0]
    return BootstrapError(
        error.what,
        code=error.code,
        why=f"{error.why}; probably since {finding.what}: {finding.why}",
        details=_evidence(finding),
        fix=f"{finding.next}, {RESUME}",
        more=MORE,
    )


def _evidence(finding: Cause) -> tuple[str, ...]:
    return tuple(f"{finding.source}: {line}" for line in finding.evidence)


def _finding(rule: Rule, match: Match, places: Places) -> Cause:
    where = {"pki": places.certificates, "etcd_data": places.etcd_data}
    fields: Mapping[str, str] = {**where, "source": match.source, "times": str(match.times), **match.fields}
    what, why, following = (text.format_map(fields) for text in (rule.what, rule.why, rule.next))
    return Cause(rule.id, match.source, what, why, following, match.lines, match.times, rule.definite)
