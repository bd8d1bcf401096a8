"""The commands. Each builds what its workflow needs and hands it down."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from bootstrap.cli.addon import app as addon_app
from bootstrap.cli.bundle import app as bundle_app
from bootstrap.cli.certs import app as certs_app
from bootstrap.cli.cluster_upgrade import app as cluster_app
from bootstrap.cli.diagnose import diagnose
from bootstrap.cli.etcd import app as etcd_app
from bootstrap.cli.flags.inputs import ConfigFile, Output, comma_separated, read_config
from bootstrap.cli.flags.options import App, one_of
from bootstrap.cli.images import config_images_app, images_app
from bootstrap.cli.init import init
from bootstrap.cli.join import join
from bootstrap.cli.kubeconfig import kubeconfig
from bootstrap.cli.preflight import preflight
from bootstrap.cli.reset import reset
from bootstrap.cli.screens.documents import show_yaml
from bootstrap.cli.screens.screen import say
from bootstrap.cli.shell_commands import completion, wrapper
from bootstrap.cli.token import app as token_app
from bootstrap.cli.upgrade_node import app as upgrade_app
from bootstrap.model.errors import Exit, config_error

EFFECTIVE = "effective"
PRINTED = (EFFECTIVE, "init-defaults", "join-defaults", "reset-defaults", "upgrade-defaults")
COMPONENTS = ("KubeletConfiguration", "KubeProxyConfiguration")
app = App(
    "Makes Kubernetes clusters.",
    name="bootstrap",
    add_completion=False,  # it would be the container's shell
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
config_app = App("Show and check configurations.")
app.command()(diagnose)
app.add_typer(config_app, name="config")
app.command()(init)
app.command()(join)
app.command()(reset)
app.add_typer(images_app, name="images")
app.add_typer(bundle_app, name="bundle")
app.add_typer(addon_app, name="addon")
app.add_typer(token_app, name="token")
app.add_typer(certs_app, name="certs")
app.add_typer(cluster_app, name="cluster")
app.add_typer(etcd_app, name="etcd")
app.add_typer(upgrade_app, name="upgrade")
app.command()(preflight)
config_app.add_typer(config_images_app, name="images")


@app.command()
def node() -> int:
    """Boot a node without a cluster: a runtime and this program, nothing else (tests, benches)."""
    from bootstrap.host.live import LiveHost
    from bootstrap.workflows.node import start_runtime

    start_runtime(LiveHost())
    say("the node is up; make a cluster on it: docker exec NAME bootstrap init")
    return Exit.OK


app.command()(kubeconfig)
app.command()(wrapper)
app.command()(completion)


@app.command()
def healthcheck(output: Output = "text") -> int:
    """Exit 0 when what this container was started for is up (the image's HEALTHCHECK)."""
    from bootstrap.cli.main import answer_healthcheck

    return answer_healthcheck(output)


@app.command()
def version(output: Output = "text") -> int:
    """The version of Kubernetes that this image installs."""
    from bootstrap.model import names

    print(json.dumps({"kubernetes": names.BUILT_VERSION}) if output == "json" else f"bootstrap {names.BUILT_VERSION}")
    return Exit.OK


@config_app.command("validate")
def config_validate(config: ConfigFile = None, output: Output = "text") -> int:
    """Check a configuration file; all problems at once."""
    from bootstrap.config import load, validate

    if config is None:
        raise typer.BadParameter("is required", param_hint="--config")
    warnings = [str(warning) for warning in validate(load(read_config(config) or b""))]
    if output == "json":
        print(json.dumps({"ok": True, "warnings": warnings}))
        return Exit.OK
    for warning in warnings:
        say(warning, "!")
    print("ok")
    return Exit.OK


@config_app.command("migrate")
def config_migrate(
    old_config: Annotated[str, typer.Option(metavar="FILE", help="A file of v1beta2 or v1beta3; - is standard input.")],
    new_config: Annotated[
        str, typer.Option(metavar="FILE", help="Where it is written (0600); - is standard output.")
    ] = "-",
    output: Output = "text",
) -> int:
    """Write a file of an earlier version of kubeadm anew, as it is read now."""
    from bootstrap.config.migrate import migrate
    from bootstrap.formats import yaml_reader
    from bootstrap.formats.yaml_text import to_yaml
    from bootstrap.host.fs.given import absolute
    from bootstrap.host.live import LiveHost

    try:
        done = migrate(yaml_reader.parse(read_config(old_config) or b""))
    except yaml_reader.UnreadableError as error:
        raise config_error((error.problem,)) from None
    for remark in done.remarks or ["nothing to migrate: every document is of a version that is read now"]:
        say(remark, "" if done.remarks else "!", error=True)
    if new_config != "-":
        LiveHost().write(absolute(new_config), to_yaml(*done.documents).encode(), 0o600)
    if output == "json":
        print(json.dumps({"documents": done.documents, "remarks": done.remarks}, indent=2))
    elif new_config == "-":
        print(to_yaml(*done.documents), end="")
    return Exit.OK


@config_app.command("print")
def config_print(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help=f"{', '.join(PRINTED)}.", callback=one_of(*PRINTED))
    ] = EFFECTIVE,
    config: ConfigFile = None,
    component_configs: Annotated[
        str | None, typer.Option(metavar="KIND,…", help=f"With defaults: {' and '.join(COMPONENTS)} as well.")
    ] = None,
    output: Output = "text",
) -> int:
    """Print the complete configuration that `init` would use, or what a command has by default."""
    from bootstrap.config import dump
    from bootstrap.workflows.config import complete, defaults

    components = comma_separated(component_configs) or ()
    if unknown := set(components) - set(COMPONENTS):
        raise typer.BadParameter(f"{min(unknown)} is not {' or '.join(COMPONENTS)}", param_hint="--component-configs")
    if what == EFFECTIVE:
        if components:
            raise typer.BadParameter("is for defaults; these are in the file", param_hint="--component-configs")
        show_yaml(dump(complete(read_config(config), addressed=True)), output)
        return Exit.OK
    if config is not None:
        raise typer.BadParameter(f"{what} are the same for every file", param_hint="--config")
    show_yaml(defaults(what.removesuffix("-defaults"), components), output)
    return Exit.OK
