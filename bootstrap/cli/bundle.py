"""`bootstrap bundle`: images for machines that reach no registry, in one signed file."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.inputs import OutFile, Output, OutputOrFile, file_and_format
from bootstrap.cli.flags.options import App, one_of
from bootstrap.cli.screens.screen import say, wait_for_turn
from bootstrap.host.fs.given import absolute, file_size, reached
from bootstrap.model.errors import BootstrapError, Exit

app = App("Images for machines that reach no registry, in one signed file.")

Bundle = Annotated[Path, typer.Argument(help="The bundle's file, as seen from inside the container.")]
TrustedKey = Annotated[
    list[Path] | None, typer.Option("--trusted-key", help="Public key of somebody whose bundles are taken; repeatable.")
]
Unsigned = Annotated[bool, typer.Option("--insecure-unsigned", help="Take a bundle that nobody has to have signed.")]
_TRUST = "--trusted-key, --insecure-unsigned"


@app.command()
def keygen(
    path: Annotated[Path, typer.Argument(help="New file for the private key; FILE.pub is the public one.")],
    output: Output = "text",
) -> int:
    """Make a key to sign bundles with (Ed25519)."""
    from bootstrap.render.bundle.signature import key_id
    from bootstrap.workflows.images.bundle import keygen
    from bootstrap.workflows.mode import look_on

    public = path.with_name(f"{path.name}.pub")
    content = keygen(reached(look_on()[1].reach, path))
    if output == "json":
        print(json.dumps({"private": str(path), "public": str(public), "id": key_id(content)}, indent=2))
        return Exit.OK
    say(f"{path}  the private key: it stays where bundles are made")
    say(f"{public}  the public key: bundle verify, bundle load and init take it as --trusted-key")
    say(f"id {key_id(content)}")
    return Exit.OK


@app.command()
def create(
    file: OutFile = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            help="seed (the images inside this one; the default), registry, docker or layout:DIR; repeatable: "
            "each image is taken from the first that has it.",
        ),
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Private key to sign with.")] = None,
    config: Annotated[str | None, typer.Option("--config", help="kubeadm v1beta4 YAML; - is standard input.")] = None,
    kubernetes_version: Annotated[str | None, typer.Option(help="As for init.")] = None,
    image_repository: Annotated[str | None, typer.Option(help="As for init.")] = None,
    arch: Annotated[str, typer.Option(help="Architectures, separated by commas; this machine's if not given.")] = "",
    image: Annotated[list[str] | None, typer.Option("--image", help="Another image; repeatable.")] = None,
    output: OutputOrFile = "text",
) -> int:
    """Write everything that a cluster with this configuration needs into one file.

    A registry is asked by the rules for mirrors in the configuration.
    """
    from datetime import UTC, datetime

    from bootstrap.cli.flags.inputs import read_config
    from bootstrap.cli.screens.transfer import TransferScreen
    from bootstrap.config import Overrides
    from bootstrap.host.program import manifests
    from bootstrap.host.runtime.containerd import own_platform
    from bootstrap.workflows.images.bundle_create import contents, create
    from bootstrap.workflows.images.bundle_sources import sources
    from bootstrap.workflows.mode import look_on

    target, form = file_and_format(file, output)
    if target is None:
        raise typer.BadParameter("give the file to write", param_hint="'-f' / '--file'")
    began, screen = time.monotonic(), TransferScreen()
    machine = look_on()
    host = machine[1]
    private = _read(key, host) if key else None
    flags = Overrides(kubernetes_version=kubernetes_version, image_repository=image_repository)
    architectures = [name for name in arch.split(",") if name] or [own_platform().architecture]
    wanted = contents(read_config(config, host), flags, machine, architectures, image or [], manifests())
    path = reached(host.reach, target)
    with sources(source or ["seed"], wanted, host.reach, screen) as origins:
        screen.clear()
        manifest = create(wanted, origins, private, path, datetime.now(UTC))
    size, packed = sum(member.size for member in manifest.members), file_size(path)
    if form == "json":
        result = {"file": str(target), "images": [image.reference for image in manifest.images], "bytes": packed}
        result["unseen"] = wanted.unseen
        print(json.dumps({**result, "architectures": manifest.architectures, "signed": key is not None}, indent=2))
        return Exit.OK
    say(
        f"{target}: {len(manifest.images)} images for {', '.join(manifest.architectures)}, "
        f"{size / 1e6:.0f} MB as {packed / 1e6:.0f} MB, {time.monotonic() - began:.1f} s"
    )
    for line in wanted.unseen:
        say(line, "!")
    if key is None:
        say(
            "it is not signed: only --insecure-unsigned will take it (bootstrap bundle keygen FILE, then --key FILE)",
            "!",
        )
    return Exit.OK


@app.command()
def inspect(path: Bundle, output: Output = "text") -> int:
    """Show what a bundle says about itself. Nothing of it is proven: that is what verify is for."""
    from bootstrap.host.bundle.file import inspected
    from bootstrap.workflows.mode import look_on

    manifest, signature, signer = inspected(path, look_on()[1].reach)
    if output == "json":
        body = json.loads(manifest.encode())
        print(json.dumps({**body, "signature": json.loads(signature) if signature else None}, indent=2))
        return Exit.OK
    say(f"Kubernetes {', '.join(manifest.kubernetes)} · {', '.join(manifest.architectures)} · CNI {manifest.cni}")
    say(f"made {manifest.created} · signed by {ascii(signer)[1:-1] or 'nobody'} (not checked)")
    for image in manifest.images:
        architectures = ",".join(p.architecture for p in image.platforms)
        say(f"{image.reference}  {image.target['digest']}  {architectures}  from {image.source}")
    return Exit.OK


@app.command()
def verify(
    path: Bundle,
    trusted_key: TrustedKey = None,
    insecure_unsigned: Unsigned = False,
    config: Annotated[
        str | None, typer.Option("--config", help="Also: everything that this cluster needs is in it.")
    ] = None,
    output: Output = "text",
) -> int:
    """Prove every byte of a bundle: signature, digests, nothing missing, nothing else."""
    from bootstrap.cli.flags.inputs import read_config
    from bootstrap.config import Overrides
    from bootstrap.host.program import manifests
    from bootstrap.workflows.config import present
    from bootstrap.workflows.images.bundle import verify
    from bootstrap.workflows.images.bundle_create import contents
    from bootstrap.workflows.mode import look_on

    machine = mode, host = look_on()
    if config:
        needed = contents(read_config(config, host), Overrides(), machine, [], [], manifests())
        wanted, known = needed.images, needed.cfg.own.trusted_keys
    else:
        wanted, known = (), present(host, mode).own.trusted_keys
    manifest, signer = verify(path, _trust(trusted_key, insecure_unsigned, host, known), host, wanted)
    size = sum(member.size for member in manifest.members)
    result = {"images": len(manifest.images), "members": len(manifest.members), "bytes": size, "signer": signer}
    if output == "json":
        print(json.dumps(result, indent=2))
    else:
        by = f"signed by {signer}" if signer else "no signature was asked for"
        say(
            f"{path}: {len(manifest.images)} images, {len(manifest.members)} members, all as they should be · {by}", "✓"
        )
    return Exit.OK


@app.command()
def load(
    path: Bundle,
    to: Annotated[
        str, typer.Option("--to", callback=one_of("containerd", "docker"), help="containerd or docker.")
    ] = "containerd",
    trusted_key: TrustedKey = None,
    insecure_unsigned: Unsigned = False,
    socket: Annotated[str, typer.Option(help="Of containerd, if it is not the one that init makes.")] = "",
    output: Output = "text",
) -> int:
    """Prove a bundle, then load what is not there already, pinned against garbage collection."""
    from bootstrap.engine.turn import own_turn
    from bootstrap.host.node.booting import is_starting
    from bootstrap.workflows.config import present
    from bootstrap.workflows.images.bundle import load_bundle
    from bootstrap.workflows.mode import enter, look_on

    began = time.monotonic()

    def done(name: str) -> None:
        if output == "text":
            say(f"{name:<72} {time.monotonic() - began:6.1f} s", "✓")

    if to == "docker":
        mode, host = look_on()
    else:
        entered, host = enter()
        mode = entered.name
    here = present(host, mode)
    trust = _trust(trusted_key, insecure_unsigned, host, here.own.trusted_keys)
    socket = socket or here.node.cri_socket
    starting = partial(is_starting, host, socket)
    with contextlib.nullcontext() if to == "docker" else own_turn(host, wait_for_turn, starting=starting):
        loaded, count = load_bundle(path, trust, to, host, socket, done)
    if output == "json":
        print(json.dumps({"loaded": loaded, "present": count - len(loaded)}, indent=2))
        return Exit.OK
    say(f"{len(loaded)} images loaded, {count - len(loaded)} were there, {time.monotonic() - began:.1f} s")
    return Exit.OK


def check_trust(origin: str | None, keys: Sequence[str] | None, unsigned: bool) -> None:
    """Wrong usage: saying whom to trust where nobody is asked."""
    if origin in (None, "docker") and (keys or unsigned):
        why = "an engine is believed: it runs us" if origin else "there is no bundle to trust"
        raise typer.BadParameter(why, param_hint=_TRUST)


def offered_images(
    origin: str | None, keys: Sequence[str] | None, unsigned: bool, host: Any, decision: Any, manifests: Any
) -> Any:
    """What `init --bundle` offers to the plan: references and how to load them, or nothing of both."""
    if origin is None:
        return contextlib.nullcontext((None, None))
    from bootstrap.workflows.images.bundle import for_init

    trust = _trust(keys, unsigned, host, decision.cfg.own.trusted_keys)
    return for_init(origin, trust, host, decision, manifests)


def _trust(keys: Sequence[Path | str] | None, unsigned: bool, host: Any, known: Sequence[str] = ()) -> Any:
    """The keys of the command line and those of the configuration."""
    if keys and unsigned:
        raise typer.BadParameter("give keys to check with, or take what nobody has signed", param_hint=_TRUST)
    from bootstrap.host.bundle.file import Trust

    return Trust((*(_read(path, host) for path in keys or ()), *(key.encode() for key in known)), unsigned)


def _read(path: Path | str, host: Any) -> bytes:
    content = sys.stdin.buffer.read() if str(path) == "-" else host.read(absolute(path))
    if content is None:
        raise BootstrapError(f"cannot read {path}", code=Exit.USAGE, fix="give a file that exists")
    return bytes(content)
