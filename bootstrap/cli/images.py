"""`bootstrap images`: which ones, pulled, explained, locked, loaded; `config images` in kubeadm's spelling."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.inputs import (
    ConfigFile,
    MirrorFile,
    OutFile,
    Output,
    OutputOrFile,
    file_and_format,
    read_config,
)
from bootstrap.cli.flags.options import App
from bootstrap.cli.screens.images_explained import explained_document, show_explained
from bootstrap.cli.screens.screen import say, wait_for_turn
from bootstrap.cli.screens.transfer import TransferScreen, megabytes
from bootstrap.host.fs.given import reached
from bootstrap.model.addon import is_foreign_cni
from bootstrap.model.errors import BootstrapError, Exit

images_app = App("Images of this machine.")
config_images_app = App("Images of a configuration, as kubeadm spells it.")

Version = Annotated[
    str, typer.Option("--kubernetes-version", help="Upstream's images of this version: 1.36, v1.36.1, …")
]
Repository = Annotated[str, typer.Option("--image-repository", help="Where the images of Kubernetes are named.")]
Arch = Annotated[list[str] | None, typer.Option("--arch", help="amd64, arm64, …; may be given several times.")]
LockFile = Annotated[str | None, typer.Option("--lock", help="Digests that the images must have.")]
Named = Annotated[list[str] | None, typer.Argument(help="Images; without any, those of the configuration.")]


def _seconds(value: float) -> float:
    if not 0 < value < math.inf:
        raise typer.BadParameter("a number of seconds above 0", param_hint="--timeout")
    return value


Timeout = Annotated[float, typer.Option("--timeout", callback=_seconds, help="Seconds for everything.")]
LOCKED = ("amd64", "arm64")
"""The architectures of a lock file unless others are asked for."""


@config_images_app.command("list")
@images_app.command("list")
def images_list(
    config: ConfigFile = None,
    kubernetes_version: Version = "",
    image_repository: Repository = "",
    arch: Arch = None,
    lock: LockFile = None,
    output: Output = "text",
) -> int:
    """The images that a cluster with this configuration needs, with their locked digests if there is a lock file."""
    from bootstrap.workflows.images.choice import choose, locked_as, read_lock

    cfg, host = _configured(config)
    chosen = choose(cfg, (), kubernetes_version, image_repository, None, of_addons=_of_addons(cfg, host))
    locked = read_lock(read_config(lock, host), chosen)
    platforms = [str(platform) for platform in _platforms(arch)]
    unseen, details = _unseen(cfg, host), []
    for needed in chosen.images:
        entry = locked_as(locked, needed)
        digests = {p: asdict(d) for p, d in entry.platforms.items() if not arch or p in platforms} if entry else {}
        details.append(asdict(needed) | {"digest": entry.digest if entry else None, "platforms": digests})
    if output == "json":
        named = [needed.image for needed in chosen.images]
        print(json.dumps({"images": named, "details": details, "unseen": unseen}, indent=2))
        return Exit.OK
    for found in details:
        print(_pinned(found["image"], found["digest"]))
        for platform, digest in found["platforms"].items():
            print(f"    {platform}  {digest['manifest']}")
    for line in unseen:
        say(line, "!", error=True)
    return Exit.OK


def _pinned(image: str, digest: str | None) -> str:
    """A name with the digest that a lock has for it; one that is written with a digest has it."""
    return f"{image}@{digest}" if digest and "@" not in image else image


@config_images_app.command("pull")
@images_app.command("pull")
def images_pull(
    images: Named = None,
    config: ConfigFile = None,
    kubernetes_version: Version = "",
    image_repository: Repository = "",
    cri_socket: Annotated[str, typer.Option("--cri-socket", help="containerd's socket: unix:///…")] = "",
    mirrors: MirrorFile = None,
    lock: LockFile = None,
    arch: Arch = None,
    to: Annotated[str, typer.Option("--to", help="A folder: an OCI layout there, instead of this node.")] = "",
    timeout: Timeout = 1800,
    output: Output = "text",
) -> int:
    """Bring images into this node under their own names (or into a folder), from the first place that has them."""
    from dataclasses import replace

    from bootstrap.engine.turn import own_turn
    from bootstrap.host.node.booting import is_starting
    from bootstrap.host.registry.limits import Limits
    from bootstrap.workflows.images.choice import choose, read_lock
    from bootstrap.workflows.images.pull import pull, pull_to

    cfg, host = _configured(config)
    rules = read_config(mirrors, host)
    chosen = choose(cfg, images or (), kubernetes_version, image_repository, rules, host.reach, _of_addons(cfg, host))
    chosen = replace(chosen, cri_socket=cri_socket) if cri_socket else chosen
    locked, limits, screen = read_lock(read_config(lock, host), chosen), Limits(total=timeout), TransferScreen()
    platforms = _platforms(arch)
    if to:
        arriving = pull_to(reached(host.reach, to), chosen, platforms, locked, limits, screen)
    elif platforms == _platforms(None):
        arriving = pull(host, chosen, platforms[0], locked, limits, screen)
    else:
        raise typer.BadParameter(
            "a node takes its own only; with --to DIR others go into a folder", param_hint="--arch"
        )
    done = []
    with (
        contextlib.nullcontext()
        if to
        else own_turn(host, wait_for_turn, timeout, partial(is_starting, host, chosen.cri_socket))
    ):
        try:
            for image in arriving:
                done.append(image)
                screen.clear()
                if output == "text":
                    _show_pulled(image)
        finally:
            screen.clear()
    if output == "json":
        print(json.dumps({"images": [asdict(image) for image in done]}, indent=2))
    return Exit.OK


def _show_pulled(image: Any) -> None:
    for reason in image.passed:
        say(reason, "!")
    if image.host:
        say(f"{image.image}  {megabytes(image.size)} MB from {image.host} in {image.seconds:.1f} s", "✓")
    else:
        say(f"{image.image}  is there already", "✓")


@images_app.command("explain")
def images_explain(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE", help="Images.")],
    config: ConfigFile = None,
    mirrors: MirrorFile = None,
    lock: LockFile = None,
    arch: Arch = None,
    output: Output = "text",
) -> int:
    """Where an image would come from: every place in order, what it answers now, and which one wins and why."""
    from bootstrap.workflows.images.choice import choose, read_lock
    from bootstrap.workflows.images.pull import explain

    cfg, host = _configured(config)
    chosen = choose(cfg, images, "", "", read_config(mirrors, host), host.reach)
    locked = read_lock(read_config(lock, host), chosen)
    explained = [found for platform in _platforms(arch) for found in explain(chosen, platform, locked)]
    if output == "json":
        print(json.dumps({"images": [explained_document(found) for found in explained]}, indent=2))
    else:
        for found in explained:
            show_explained(found, locked is not None)
    return Exit.OK if all(found.winner is not None for found in explained) else Exit.EFFECT


@images_app.command("lock")
def images_lock(
    images: Named = None,
    config: ConfigFile = None,
    kubernetes_version: Version = "",
    image_repository: Repository = "",
    mirrors: MirrorFile = None,
    arch: Arch = None,
    file: OutFile = None,
    timeout: Timeout = 300,
    output: OutputOrFile = "text",
) -> int:
    """Write down what the images are now: digests of each platform's manifest and configuration.

    Without a file, or with -, they go to standard output. `images list --lock FILE` shows them again.
    """
    from bootstrap.config.own.lockfile import lock_document, lock_text
    from bootstrap.host.registry.limits import Limits
    from bootstrap.workflows.images.choice import choose
    from bootstrap.workflows.images.pull import make_lock, save_lock

    target, form = file_and_format(file, output)
    cfg, host = _configured(config)
    rules = read_config(mirrors, host)
    chosen = choose(cfg, images or (), kubernetes_version, image_repository, rules, host.reach, _of_addons(cfg, host))
    platforms = _platforms(arch or list(LOCKED))
    lock = make_lock(chosen, platforms, Limits(total=timeout), lambda line: say(f"   {line}", error=True))
    if target and str(target) != "-":
        save_lock(reached(host.reach, target), lock)
    elif form == "text":
        print(lock_text(lock), end="")
    if form == "json":
        print(json.dumps(lock_document(lock), indent=2))
    return Exit.OK


@images_app.command("load")
def images_load(
    source: Annotated[str, typer.Argument(help="A docker save archive; - is standard input.")], output: Output = "text"
) -> int:
    """Load images of your own into this machine: docker save IMAGE | docker exec -i NAME bootstrap images load -"""
    from bootstrap.engine.turn import own_turn
    from bootstrap.host.node.booting import is_starting
    from bootstrap.workflows.config import present
    from bootstrap.workflows.images.load import load_images
    from bootstrap.workflows.mode import enter

    mode, host = enter()
    socket = present(host, mode.name).node.cri_socket
    with own_turn(host, wait_for_turn, starting=partial(is_starting, host, socket)):
        loaded = load_images(host, socket, source)
    if output == "json":
        print(json.dumps({"loaded": loaded}, indent=2))
        return Exit.OK
    for name in loaded:
        say(name)
    return Exit.OK


def _configured(config: str | None) -> tuple[Any, Any]:
    """The configuration that is meant, and the host that it is for."""
    from bootstrap.workflows.config import complete, present
    from bootstrap.workflows.mode import look_on

    mode, host = look_on()
    given = read_config(config, host)
    return present(host, mode) if given is None else complete(given, host, mode), host


def _of_addons(cfg: Any, host: Any) -> Any:
    """Reads the manifests of add-ons for their images, when they are needed."""
    from bootstrap.host.program import manifests
    from bootstrap.workflows.addons.read import needed_images

    return lambda: needed_images(host, cfg, manifests())


def _unseen(cfg: Any, host: Any) -> tuple[str, ...]:
    """Which images of add-ons cannot be known."""
    if not (cfg.own.addons or is_foreign_cni(cfg.own.cni)):
        return ()
    from bootstrap.host.program import manifests
    from bootstrap.workflows.addons.read import unseen_images

    return unseen_images(host, cfg, manifests())


def _platforms(arch: list[str] | None) -> list[Any]:
    """Those asked for, else this machine's."""
    from bootstrap.host.runtime.containerd import own_platform
    from bootstrap.model.images.image import ARCHITECTURES, Platform

    for name in arch or ():
        if name not in ARCHITECTURES.values():
            raise BootstrapError(
                f'"{name[:40]}" is not an architecture',
                code=Exit.USAGE,
                why=f"known are {', '.join(ARCHITECTURES.values())}",
                fix="for example: --arch arm64",
            )
    return [Platform(name) for name in dict.fromkeys(arch)] if arch else [own_platform()]
