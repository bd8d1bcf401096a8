"""`bootstrap kubeconfig`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.inputs import Output, seconds_of
from bootstrap.cli.screens.documents import show_yaml
from bootstrap.cli.screens.screen import say
from bootstrap.model.errors import Exit

CONTEXT = "bootstrap"


def kubeconfig(
    who: Annotated[
        str, typer.Argument(help="admin, or user: a new one for --client-name.", metavar="[admin|user]")
    ] = "admin",
    client_name: Annotated[str, typer.Option(help="Name of the user.", metavar="NAME")] = "",
    org: Annotated[list[str] | None, typer.Option(help="A group of the user; repeatable.", metavar="GROUP")] = None,
    validity_period: Annotated[str, typer.Option(help="How long it is good for.", metavar="DURATION")] = "8760h",
    server: Annotated[str, typer.Option(help="URL under which the API server is reached.")] = "",
    inside: Annotated[bool, typer.Option("--inside", help="For use inside this node.")] = False,
    merge: Annotated[
        bool, typer.Option("--merge", help="Put it into the kubeconfig in use (KUBECONFIG, ~/.kube/config).")
    ] = False,
    unmerge: Annotated[bool, typer.Option("--unmerge", help="Take it out of there again.")] = False,
    context: Annotated[str, typer.Option(help="Its name there.", metavar="NAME")] = CONTEXT,
    output: Output = "text",
) -> int:
    """Print a kubeconfig: the administrator's, for use outside of the container or of the host, or a user's own."""
    from bootstrap.workflows.kubeconfig import admin_kubeconfig, user_kubeconfig
    from bootstrap.workflows.mode import HOST, enter

    if (who == "user") != bool(client_name) or who not in ("admin", "user"):
        raise typer.BadParameter("`user` and --client-name go together", param_hint="[admin|user]")
    if unmerge and merge:
        raise typer.BadParameter("and --unmerge exclude each other", param_hint="--merge")
    if not context:
        raise typer.BadParameter("is empty", param_hint="--context")
    lifetime = seconds_of(validity_period, "--validity-period")
    if unmerge:
        return _unmerge(context, output)
    mode, host = enter()
    if who == "user":
        content = user_kubeconfig(host, client_name, tuple(org or ()), lifetime, server, datetime.now(UTC))
    else:
        as_it_is = inside or (mode.name == HOST and not server)  # a host's address is the same outside
        content = admin_kubeconfig(host, server, inside=as_it_is)
    if merge:
        return _merge(host, context, content, output)
    show_yaml(content.decode(), output)
    return Exit.OK


def _merge(host: Any, context: str, content: bytes, output: str) -> int:
    from bootstrap.host.facts.kubeconfigs import kubeconfigs
    from bootstrap.workflows.kubeconfig_merge import merge_kubeconfig

    changed = merge_kubeconfig(host, kubeconfigs(), context, content)
    what = f"the current context is {context}; out again: bootstrap kubeconfig --unmerge --context {context}"
    return _result(context, changed, output, what)


def _unmerge(context: str, output: str) -> int:
    from bootstrap.host.facts.kubeconfigs import kubeconfigs
    from bootstrap.workflows.kubeconfig_merge import take_out_kubeconfig
    from bootstrap.workflows.mode import look_on

    changed = take_out_kubeconfig(look_on()[1], kubeconfigs(), context)
    return _result(context, changed, output, f"without the context {context}")


def _result(context: str, changed: tuple[str, ...], output: str, what: str) -> int:
    if output == "json":
        print(json.dumps({"context": context, "changed": changed}))
    elif changed:
        say(f"{' and '.join(changed)}: {what}", "✓")
    else:
        say(f"nothing to change: {context} is as it is to be", "✓")
    return Exit.OK
