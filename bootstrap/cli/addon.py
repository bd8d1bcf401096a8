"""`bootstrap addon`: what is applied here, and what can be installed by name."""

from __future__ import annotations

import json
from dataclasses import asdict

from bootstrap.cli.inputs import Output
from bootstrap.cli.options import App
from bootstrap.cli.screen import say
from bootstrap.model.errors import Exit

app = App("Add-ons of the cluster.")


@app.command("list")
def addon_list(output: Output = "text") -> int:
    """The add-ons of this node's cluster, and those that `init --cni` and `--addon` know by name."""
    from bootstrap.host.program import manifests
    from bootstrap.render.addons.recipes import recipes
    from bootstrap.workflows.addons import applied_here
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
