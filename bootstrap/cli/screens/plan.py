"""A plan as text or JSON, for dry runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bootstrap.cli.screens.screen import say, show_json
from bootstrap.model.errors import Exit


def show_plan(plan: Any, host: Any, objects: Any, output: str) -> int:
    """Every step with its effects, and of each change the lines that would differ; nothing without a format."""
    from bootstrap.engine.preview import preview

    steps = preview(plan, host, objects)
    if output == "json":
        show_json({"steps": [asdict(step) for step in steps], "remarks": plan.remarks})
        return Exit.OK
    if not output:
        return Exit.OK
    for step in steps:
        say(f"{step.id}" + (f"   after {', '.join(step.after)}" if step.after else ""))
        for effect in step.effects:
            say(f"    {effect.what}")
            for line in effect.diff:
                say(f"        {line}")
        for title in step.waits:
            say(f"    wait for: {title}")
    say("\nnothing was written")
    return Exit.OK
