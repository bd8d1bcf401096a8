"""`bootstrap addon`: what is applied here, and what can be installed by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.inputs import Output
from bootstrap.cli.flags.options import App
from bootstrap.cli.screens.reports import Reports
from bootstrap.cli.screens.screen import say, wait_for_turn
from bootstrap.model.errors import Exit

app = App("Add-ons of the cluster.")


@app.command("list")
def addon_list(output: Output = "text") -> int:
    """The add-ons of this node's cluster, and those that `init --cni` and `--addon` know by name."""
    from bootstrap.host.program import manifests
    from bootstrap.render.addons.recipes import recipes
    from bootstrap.workflows.addons.read import applied_here
    from bootstrap.workflows.mode import enter

    _, host = enter()
    here, known = applied_here(host, manifests()), recipes(manifests()).values()
    if output == "json":
        recipe_fields = ("name", "title", "version", "url", "sha256", "cni", "notes", "gone")
        table = [{field: getattr(recipe, field) for field in recipe_fields} for recipe in known]
        print(json.dumps({"addons": [asdict(found) for found in here], "recipes": table}, indent=2))
        return Exit.OK
    say("here" if here else "here: no cluster")
    for found in here:
        say(f"  {found.name:<24} {found.version:<12} {found.source or 'our own'}", "✓" if found.applied else "✗")
    say("\nby name")
    for recipe in known:
        flag = "--cni" if recipe.cni else "--addon"
        what = f"not any more: {recipe.gone}" if recipe.gone else recipe.title
        say(f"  {recipe.name:<24} {recipe.version:<12} {flag:<8} {what}")
    return Exit.OK


@app.command("remove")
def addon_remove(
    name: Annotated[str, typer.Argument(help="An add-on that was given with --addon; see addon list.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")] = False,
    output: Output = "text",
) -> int:
    """Take an add-on back: its objects that are still ours go, and the configuration forgets it."""
    from bootstrap.engine.turn import alone
    from bootstrap.workflows.mode import enter

    mode, host = enter()
    if dry_run:
        return remove(mode, host, (name,), dry_run=True, output=output)
    with alone(host, wait_for_turn):
        return remove(mode, host, (name,), dry_run=False, output=output)


def remove(
    mode: Any, host: Any, gone: Sequence[str], *, dry_run: bool, output: str, reports: Reports | None = None
) -> int:
    """One after the other; nothing where nothing is to go."""
    from bootstrap.cli.screens.plan import show_plan
    from bootstrap.cli.screens.screen import Progress, show_remarks, silent
    from bootstrap.engine.run import EventListener
    from bootstrap.host.program import manifests
    from bootstrap.workflows.addons.removal import plan_removal
    from bootstrap.workflows.api_access import api_reader, super_admin
    from bootstrap.workflows.execute import execute

    for name in gone:
        removal = plan_removal(host, mode.name, name, manifests())
        if output == "text":
            show_remarks(removal.plan)
        if dry_run:
            show_plan(removal.plan, host, api_reader(super_admin(host, removal.observed.cfg)), output)
            continue
        listen: EventListener = Progress(removal.plan) if output == "text" else silent
        if reports:
            reports.planned(removal.plan)
            listen = reports.beside(listen)
        execute(host, removal.observed, removal.plan, listen, verb="addon remove")
    return Exit.OK
