"""`bootstrap token`: what machines join with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.inputs import DryRun, Output, comma_separated, seconds_of
from bootstrap.cli.flags.options import App
from bootstrap.cli.screens.table import show_table
from bootstrap.model.errors import Exit

app = App("Bootstrap tokens: what machines join with.")

Kubeconfig = Annotated[str, typer.Option(help="Who asks; this node's administrator by default.")]


@app.command()
def create(
    token: Annotated[str, typer.Argument(help="abcdef.0123456789abcdef; made when it is left out.")] = "",
    ttl: Annotated[str, typer.Option(help="How long it is good for; 0: for ever.")] = "24h",
    usages: Annotated[str, typer.Option(help="signing, authentication or both.")] = "signing,authentication",
    groups: Annotated[str | None, typer.Option(help="What who authenticates with it belongs to.")] = None,
    description: Annotated[str, typer.Option(help="What it is for, for people.")] = "",
    print_join_command: Annotated[
        bool, typer.Option("--print-join-command", help="Print the whole line to join with.")
    ] = False,
    certificate_key: Annotated[
        str, typer.Option(help="Of uploaded certificates: the line is for a control plane.")
    ] = "",
    kubeconfig: Kubeconfig = "",
    dry_run: DryRun = False,
    output: Output = "text",
) -> int:
    """Make a token, and print it, or the line that a machine joins with."""
    from bootstrap.model.cluster import BootstrapToken
    from bootstrap.workflows import tokens
    from bootstrap.workflows.api_access import administrator
    from bootstrap.workflows.joining.lines import join_line
    from bootstrap.workflows.mode import look_on

    if certificate_key and not print_join_command:
        raise typer.BadParameter("is of use with --print-join-command only", param_hint="--certificate-key")
    seconds = seconds_of(ttl, "--ttl")
    chosen = comma_separated(groups)
    asked = BootstrapToken(
        token,
        seconds,
        usages=comma_separated(usages) or (),
        groups=BootstrapToken().groups if chosen is None else chosen,
        description=description,
    )
    made = tokens.wanted(asked, datetime.now(UTC))
    _, host = look_on()
    if not dry_run or print_join_command:
        api = administrator(host, kubeconfig)
    line = join_line(api, made.token, certificate_key) if print_join_command else ""
    if not dry_run:
        tokens.create(api, made)
    if output == "json":
        print(json.dumps({**_document(made), **({"join": line} if line else {})}, indent=2))
    else:
        print(line or made.token)
    return Exit.OK


@app.command("list")
def list_tokens(kubeconfig: Kubeconfig = "", output: Output = "text") -> int:
    """The cluster's tokens, and how long each is good for."""
    from bootstrap.workflows import tokens
    from bootstrap.workflows.api_access import administrator
    from bootstrap.workflows.mode import look_on

    found = tokens.listed(administrator(look_on()[1], kubeconfig))
    if output == "json":
        print(json.dumps({"tokens": [_document(token) for token in found]}, indent=2))
        return Exit.OK
    rows: list[tuple[str, ...]] = [("TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS")]
    rows += [_row(token, datetime.now(UTC)) for token in found]
    show_table(rows)
    return Exit.OK


@app.command()
def delete(
    identifiers: Annotated[list[str], typer.Argument(metavar="ID|TOKEN...", help="The id, or the whole token.")],
    kubeconfig: Kubeconfig = "",
    dry_run: DryRun = False,
    output: Output = "text",
) -> int:
    """Delete tokens: nothing joins with them any more. Nodes that have joined stay."""
    from bootstrap.config.validators import token_id
    from bootstrap.workflows import tokens
    from bootstrap.workflows.api_access import administrator
    from bootstrap.workflows.mode import look_on

    ids = [text.partition(".")[0] for text in identifiers]
    for text in ids:
        if problem := token_id(text):
            raise typer.BadParameter(problem, param_hint="ID|TOKEN")
    tokens.delete(administrator(look_on()[1], kubeconfig), ids, dry_run=dry_run)
    if output == "json":
        print(json.dumps({"deleted": [] if dry_run else ids}, indent=2))
    else:
        for identifier in ids:
            print(f"token {identifier} {'would be ' if dry_run else ''}deleted")
    return Exit.OK


@app.command()
def generate(output: Output = "text") -> int:
    """Print a token that could be used; no cluster is asked, and nothing is stored."""
    from bootstrap.workflows.joining.lines import random_token

    made = random_token()
    print(json.dumps({"token": made}) if output == "json" else made)
    return Exit.OK


def _document(token: Any) -> dict[str, Any]:
    """With kubeadm's names of fields (output.kubeadm.k8s.io BootstrapToken)."""
    fields = {
        "token": token.token,
        "description": token.description,
        "expires": token.expires,
        "usages": list(token.usages),
        "groups": list(token.groups),
    }
    return {name: value for name, value in fields.items() if value}


def _row(token: Any, now: datetime) -> tuple[str, ...]:
    from bootstrap.joining.tokens import ends

    end = ends(token)
    left = "<forever>" if end is None else "<expired>" if end <= now else _short((end - now).total_seconds())
    listed = (",".join(token.usages), token.description, ",".join(token.groups))
    return (token.token, left, token.expires or "<never>", *(text or "<none>" for text in listed))


def _short(seconds: float) -> str:
    """The two largest units, as a person says it: `23h59m`, `4m12s`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, of_day = divmod(hours, 24)
    if days:
        return f"{days}d{of_day}h"
    return f"{hours}h{minutes}m" if hours else f"{minutes}m{rest}s"
