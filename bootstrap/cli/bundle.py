"""`bootstrap bundle`: images for machines that reach no registry, in one signed file."""

from __future__ import annotations

import contextlib
import json
import platform
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from bootstrap.cli.screen import say
from bootstrap.model.errors import BootstrapError, Exit

app = typer.Typer(help="Images for machines that reach no registry, in one signed file.", no_args_is_help=True)

Bundle = Annotated[Path, typer.Argument(help="The bundle's file, as seen from inside the container.")]
TrustedKey = Annotated[
    list[Path] | None, typer.Option("--trusted-key", help="Public key of somebody whose bundles are taken; repeatable.")
]
Unsigned = Annotated[bool, typer.Option("--insecure-unsigned", help="Take a bundle that nobody has to have signed.")]
Output = Annotated[str, typer.Option("-o", "--output", help="text or json.")]
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@app.command()
def keygen(
    path: Annotated[Path, typer.Argument(help="New file for the private key; FILE.pub is the public one.")],
) -> int:
    """Make a key to sign bundles with (Ed25519)."""
    from bootstrap.render.signature import key_id
    from bootstrap.workflows.bundle import keygen

    public = keygen(path)
    say(f"{path}  the private key: it stays where bundles are made")
    say(f"{public}  the public key: bundle verify, bundle load and init take it as --trusted-key")
    say(f"id {key_id(public.read_bytes())}")
    return Exit.OK


@app.command()
def create(
    output: Annotated[Path, typer.Option("--output", help="The file to write.")],
    source: Annotated[
        str, typer.Option("--from", help="docker, layout:DIR or seed (the images inside this one).")
    ] = "seed",
    key: Annotated[Path | None, typer.Option(help="Private key to sign with.")] = None,
    config: Annotated[str | None, typer.Option("--config", help="kubeadm v1beta4 YAML; - is standard input.")] = None,
    kubernetes_version: Annotated[str | None, typer.Option(help="As for init.")] = None,
    arch: Annotated[str, typer.Option(help="Architectures, separated by commas; this machine's if not given.")] = "",
    image: Annotated[list[str] | None, typer.Option("--image", help="Another image; repeatable.")] = None,
) -> int:
    """Write everything that a cluster with this configuration needs into one file."""
    from datetime import UTC, datetime

    from bootstrap.cli.init import manifests
    from bootstrap.cli.inputs import read_config
    from bootstrap.host.live import LiveHost
    from bootstrap.workflows import bundle_create

    began = time.monotonic()
    private = _read(key) if key else None
    architectures = [name for name in arch.split(",") if name] or [architecture()]
    wanted = bundle_create.contents(
        read_config(config, LiveHost()), kubernetes_version, architectures, image or [], manifests()
    )
    with bundle_create.source(source, wanted.images) as origin:
        manifest = bundle_create.create(wanted, origin, private, output, datetime.now(UTC))
    size = sum(member.size for member in manifest.members)
    say(
        f"{output}: {len(manifest.images)} images for {', '.join(manifest.architectures)}, "
        f"{size / 1e6:.0f} MB as {output.stat().st_size / 1e6:.0f} MB, {time.monotonic() - began:.1f} s"
    )
    if key is None:
        say(
            "it is not signed: only --insecure-unsigned will take it (bootstrap bundle keygen FILE, then --key FILE)",
            "!",
        )
    return Exit.OK


@app.command()
def inspect(path: Bundle, output: Output = "text") -> int:
    """Show what a bundle says about itself. Nothing of it is proven: that is what verify is for."""
    from bootstrap.host.bundle import inspected

    manifest, signature = inspected(path)
    if output == "json":
        body = json.loads(manifest.encode())
        print(json.dumps({**body, "signature": json.loads(signature) if signature else None}, indent=2))
        return Exit.OK
    signer = json.loads(signature)["keyId"] if signature else "nobody"
    say(f"Kubernetes {', '.join(manifest.kubernetes)} · {', '.join(manifest.architectures)} · CNI {manifest.cni}")
    say(f"made {manifest.created} · signed by {signer} (not checked)")
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
    from bootstrap.cli.init import manifests
    from bootstrap.cli.inputs import read_config
    from bootstrap.host.live import LiveHost
    from bootstrap.workflows import bundle, bundle_create

    wanted = bundle_create.contents(read_config(config, LiveHost()), None, [], [], manifests()).images if config else ()
    manifest, signer = bundle.verify(path, _trust(trusted_key, insecure_unsigned), wanted)
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
    to: Annotated[str, typer.Option("--to", help="containerd or docker.")] = "containerd",
    trusted_key: TrustedKey = None,
    insecure_unsigned: Unsigned = False,
    socket: Annotated[str, typer.Option(help="Of containerd, if it is not the one that init makes.")] = "",
) -> int:
    """Prove a bundle, then load what is not there already, pinned against garbage collection."""
    from bootstrap.workflows import bundle

    if to not in ("containerd", "docker"):
        raise typer.BadParameter("containerd or docker", param_hint="--to")
    began = time.monotonic()

    def done(name: str) -> None:
        say(f"{name:<72} {time.monotonic() - began:6.1f} s", "✓")

    where = socket.removeprefix("unix://")
    trust = _trust(trusted_key, insecure_unsigned)
    loaded, count = bundle.load_bundle(path, trust, to, architecture(), where, done)
    say(f"{len(loaded)} images loaded, {count - len(loaded)} were there, {time.monotonic() - began:.1f} s")
    return Exit.OK


def offered_images(
    origin: str | None, keys: list[Path] | None, unsigned: bool, mode: Any, decision: Any, manifests: Any
) -> Any:
    """What `init --bundle` offers to the plan: references and how to load them, or nothing of both."""
    if origin is None:
        return contextlib.nullcontext((None, None))
    if mode.name != "node":
        raise BootstrapError(
            "--bundle is for node mode in this version",
            code=Exit.USAGE,
            fix="load it into the runtime that is there: bootstrap bundle load",
        )
    from bootstrap.workflows.bundle import for_init

    return for_init(origin, _trust(keys, unsigned), decision, manifests, architecture())


def architecture() -> str:
    """This machine's, by Go's name."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def _trust(keys: list[Path] | None, unsigned: bool) -> Any:
    from bootstrap.host.bundle import Trust

    return Trust(tuple(_read(path) for path in keys or []), unsigned)


def _read(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as e:
        raise BootstrapError(f"cannot read {path}: {e.strerror}", code=Exit.USAGE, fix="give a file that exists") from e
