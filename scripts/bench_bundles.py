"""Bundles against `ctr images import` and `docker save | gzip -6` of the same images, as ratios with their goals.

    bench_bundles.py [ROUNDS]

The images inside are written into a bundle, loaded into the Docker engine, and saved from there: the same layers on
both sides. What was saved becomes images like upstream's too, with gzip layers whose digests a bundle keeps. Each load
is into the containerd of a new node container that has no image. Then whole clusters are made in such nodes:
`init --bundle`, and kubeadm after an import, until the node is Ready. Medians; sides alternate.
"""

from __future__ import annotations

import hashlib
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import IO

from _bench import settle
from _common import run, say
from _sizes import LIMIT, whole
from bench import Run, measure
from build_image import build_image

from bootstrap.host.images.layout import Layout
from bootstrap.host.images.sources import unpack
from bootstrap.model.images.bundle import named
from bootstrap.model.images.oci import IMAGE_NAME, LAYER, MANIFEST, Descriptor
from tests.parity import kubeadm, live

NO_SEED = "/usr/lib/bootstrap/seed/io.containerd.metadata.v1.bolt"
NODE = "bootstrap-bench-bundles"
SOCKET = "/var/run/docker.sock:/var/run/docker.sock"
SIZE_GOAL, UPSTREAM_GOAL, TIME_GOAL, FIRST_GOAL, COLD_GOAL = 0.8, 1.05, 1.0, 0.5, 0.5
FROM_BUNDLE = ("/io/images.bundle", "--trusted-key", "/io/key.pub")
IMPORT = ("ctr", "-n", "k8s.io", "images", "import", "/io/images.tar")
CRITICAL = "/kube-apiserver:"


def in_image(image: str, folder: Path, *words: str) -> str:
    """Run the program once, with the folder as /io and the engine's socket."""
    return run("docker", "run", "--rm", "-v", f"{folder}:/io", "-v", SOCKET, image, "bundle", *words)


def prepare(image: str, folder: Path) -> list[str]:
    """images.bundle and images.tar (as `docker save` writes it) in the folder; the names of the images."""
    in_image(image, folder, "keygen", "/io/key")
    in_image(image, folder, "create", "--key", "/io/key", "--file", "/io/images.bundle")
    in_image(image, folder, "load", "/io/images.bundle", "--trusted-key", "/io/key.pub", "--to", "docker")
    shown = in_image(image, folder, "inspect", "/io/images.bundle").splitlines()[2:]
    names = [line.split()[0] for line in shown]
    run("docker", "save", "-o", str(folder / "images.tar"), *names)
    run("docker", "rmi", "-f", *names)
    return names


def gzipped(stream: IO[bytes]) -> Iterator[bytes]:
    """What gzip -6 makes of it."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    while piece := stream.read(1 << 20):
        yield packer.compress(piece)
    yield packer.flush()


def gzipped_size(path: Path) -> int:
    """Bytes after gzip -6."""
    with path.open("rb") as file:
        return sum(map(len, gzipped(file)))


def like_upstreams(image: str, folder: Path) -> Path:
    """A bundle of the images in images.tar as a registry would have them: with gzip layers."""
    layout = Layout(folder / "upstream")

    def add(content: bytes, media_type: str) -> Descriptor:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        return {"mediaType": media_type, "digest": digest, "size": layout.add(io.BytesIO(content), digest)}

    @cache
    def packed(digest: str) -> Descriptor:
        with layout.open(digest) as layer:
            return add(b"".join(gzipped(layer)), f"{LAYER}+gzip")

    with (folder / "images.tar").open("rb") as saved:
        found = unpack(saved, layout)
    index = []
    for target in found:
        manifest = json.loads(layout.read(target["digest"]))
        manifest["layers"] = [packed(layer["digest"]) for layer in manifest["layers"]]
        index.append(named(add(json.dumps(manifest).encode(), MANIFEST), target["annotations"][IMAGE_NAME]))
    layout.set_index(index)
    in_image(image, folder, "create", "--from", "layout:/io/upstream", "--file", "/io/upstream.bundle")
    return folder / "upstream.bundle"


def empty(folder: Path) -> AbstractContextManager[live.Node]:
    """A new node without images, the folder as /io."""
    return live.node(NODE, f"--tmpfs={NO_SEED}", "-v", f"{folder}:/io:ro")


def loaded(folder: Path, *words: str) -> tuple[float, float]:
    """Seconds of a command in a new node without images: until the API server's line, and until its end."""
    with empty(folder):
        settle()
        began, first = time.monotonic(), 0.0
        command = ["docker", "exec", NODE, *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                if CRITICAL in line and not first:
                    first = time.monotonic() - began
        if process.returncode:
            sys.exit(f"{' '.join(command)} failed")
        return first, time.monotonic() - began


def cold(folder: Path, *, ours: bool) -> Run:
    """A cluster in a new node without images."""
    with empty(folder) as node:
        work = f"bootstrap init --bundle {' '.join(FROM_BUNDLE)}"
        if not ours:
            live.prepare_kubeadm(node, kubeadm.binary(), live.configuration(patches=True))
            work = f"{' '.join(IMPORT)} && {live.KUBEADM_INIT} && kubectl apply -f {live.FLANNEL}"
        settle()
        return measure("bundle", NODE, ["docker", "exec", NODE, "sh", "-c", work])


def show(what: str, ratio: float, goal: float, details: str) -> None:
    """One line a figure."""
    print(f"{what:<52} {ratio:5.2f}  (goal: at most {goal:.2f})  {'ok' if ratio <= goal else 'MISSED'}  {details}")


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    image = build_image()
    with tempfile.TemporaryDirectory(prefix="bench-bundles-", dir="/var/tmp") as name:
        folder = Path(name)
        names = prepare(image, folder)
        say(f"  {len(names)} images")
        bundle, saved = (folder / "images.bundle").stat().st_size, gzipped_size(folder / "images.tar")
        upstreams = like_upstreams(image, folder).stat().st_size
        ours, theirs, clusters = [], [], []
        for _ in range(rounds):
            ours.append(loaded(folder, "bootstrap", "bundle", "load", *FROM_BUNDLE))
            theirs.append(loaded(folder, *IMPORT))
            clusters.append((cold(folder, ours=True).marks["node"], cold(folder, ours=False).marks["node"]))
    total, other = (statistics.median(t for _, t in side) for side in (ours, theirs))
    first = statistics.median(f for f, _ in ours)
    up, kubeadm_up = (statistics.median(side) for side in zip(*clusters, strict=True))
    show(
        "bundle / docker save | gzip -6, bytes", bundle / saved, SIZE_GOAL, f"{bundle / 1e6:.1f} / {saved / 1e6:.1f} MB"
    )
    show(
        "the same, layers gzipped as upstream's, bytes",
        upstreams / saved,
        UPSTREAM_GOAL,
        f"{upstreams / 1e6:.1f} / {saved / 1e6:.1f} MB",
    )
    size = whole(image)[1]
    show("the whole image, gzip -1 / 250 MB", size / LIMIT, 1.0, f"{size / 1e6:.1f} / {LIMIT / 1e6:.0f} MB")
    show("bundle load / ctr images import, time", total / other, TIME_GOAL, f"{total:.1f} / {other:.1f} s")
    show("API server's images there / ctr images import", first / other, FIRST_GOAL, f"{first:.1f} / {other:.1f} s")
    show("init --bundle to Ready / import, kubeadm", up / kubeadm_up, COLD_GOAL, f"{up:.1f} / {kubeadm_up:.1f} s")


if __name__ == "__main__":
    main()
