"""`bootstrap upgrade plan`: what an upgrade would find and do, before it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from bootstrap.cli.flags.inputs import ConfigFile, Output, comma_separated, read_config
from bootstrap.cli.screens.screen import say, show_json
from bootstrap.cli.screens.table import show_table
from bootstrap.cli.upgrade import (
    Experimental,
    Ignored,
    Kubeconfig,
    PrintConfig,
    ReleaseCandidate,
    Version,
    app,
    options_of,
    switch,
    truth,
)
from bootstrap.host.program import manifests
from bootstrap.model.errors import Exit

__all__ = ["app"]
API_VERSION, KIND = "output.kubeadm.k8s.io/v1alpha3", "UpgradePlan"
"""kubeadm's, with more fields."""


@app.command()
def plan(
    version: Version = "",
    config: ConfigFile = None,
    kubeconfig: Kubeconfig = "",
    etcd_upgrade: Annotated[str, switch("Show what becomes of etcd: true.")] = "",
    ignore_preflight_errors: Ignored = None,
    allow_experimental_upgrades: Experimental = False,
    allow_release_candidate_upgrades: ReleaseCandidate = False,
    print_config: PrintConfig = False,
    output: Output = "text",
) -> int:
    """Show versions, images, changes and obstacles of an upgrade to the version of this image; nothing is written.

    Exits with 0 if `upgrade apply` would begin.
    """
    from bootstrap.workflows.mode import look_on
    from bootstrap.workflows.upgrade.outlook import look_ahead

    mode, host = look_on()
    options = options_of(
        "plan",
        read_config(config, host),
        version=version or None,
        pre_releases=allow_experimental_upgrades or allow_release_candidate_upgrades or None,
        etcd=truth(etcd_upgrade),
        print_config=print_config or None,
        ignored=comma_separated(ignore_preflight_errors),
    )
    found = look_ahead(host, mode, options, kubeconfig, manifests(), datetime.now(UTC))
    if output == "text":
        _show(found, print_config=options.print_config)
    else:
        show_json(_document(found, print_config=options.print_config))
    return found.code


def _show(found: Any, *, print_config: bool) -> None:
    say(f"Kubernetes {found.before} → {found.after}\n")
    counted = Counter((c.name, c.before, c.after) for c in found.components)
    rows = ((name, str(count), before, after) for (name, before, after), count in counted.items())
    show_table((("COMPONENT", "COUNT", "CURRENT", "TARGET"), *rows))
    if found.kinds:
        print()
        states = ((k.group, k.current or "-", k.preferred, "yes" if k.by_hand else "no") for k in found.kinds)
        show_table((("API GROUP", "CURRENT", "PREFERRED", "BY HAND"), *states))
    print()
    places = Counter(found.images.values())
    if places:
        say("images: " + ", ".join(f"{count} {place}" for place, count in places.items()))
    for image in (image for image, place in found.images.items() if place == "to be pulled"):
        say(f"  {image}", "!")
    for effect in found.changes:
        say(f"\n{effect.what}")
        for line in effect.diff:
            say(f"    {line}")
    if print_config:
        say(f"\n{found.configuration}")
    _obstacles(found)


def _obstacles(found: Any) -> None:
    """What stands between here and there, and what to type next."""
    print()
    for api in found.removed_apis:
        say(f"clients use {api}, which {found.after} does not serve any more", "!")
    for remark in found.remarks:
        say(remark, "!")
    for finding in found.findings:
        say(f"[{finding.name}] {finding.message}. {finding.fix}", "✗" if finding.error else "!")
    for problem in found.problems:
        say(f"{found.after} does not take it: {problem}", "✗")
    if found.problems:
        say("   next   with the image of now, correct it: bootstrap init --reconfigure --config FILE")
    elif found.code:
        say("   next   correct it, then bootstrap upgrade plan")
    elif found.before == found.after and not found.changes:
        say(f"the cluster is at {found.after}, and nothing would change", "✓")
    else:
        say("   next   bootstrap upgrade apply")


def _document(found: Any, *, print_config: bool) -> dict[str, Any]:
    components = [
        {"name": c.name, "currentVersion": c.before, "newVersion": c.after, **({"nodeName": c.node} if c.node else {})}
        for c in found.components
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "availableUpgrades": [{"description": "version of this image", "components": components}],
        "configVersions": [
            {
                "group": k.group,
                "currentVersion": k.current,
                "preferredVersion": k.preferred,
                "manualUpgradeRequired": k.by_hand,
            }
            for k in found.kinds
        ],
        "currentVersion": found.before,
        "newVersion": found.after,
        "ready": found.code == Exit.OK,
        "problems": list(found.problems),
        "findings": [asdict(finding) for finding in found.findings],
        "removedAPIs": list(found.removed_apis),
        "images": [{"image": image, "place": place} for image, place in found.images.items()],
        "changes": [{"what": effect.what, "diff": list(effect.diff)} for effect in found.changes],
        "remarks": list(found.remarks),
        **({"configuration": found.configuration} if print_config else {}),
    }
