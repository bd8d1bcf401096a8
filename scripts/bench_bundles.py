"""Bundles against `ctr images import` and `docker save | gzip -6` of the same images, as ratios with their goals.

    bench_bundles.py [ROUNDS]

The images inside are written into a bundle, loaded into the Docker engine, and saved from there: the same layers on
both sides. Each load is into the containerd of a new node container that has no image. Then whole clusters are made in
such nodes: `init --bundle`, and kubeadm after an import, until the node is Ready. Medians; sides alternate.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from contextlib import AbstractContextManager
from pathlib import Path

from _common import run, say
from bench import Run, measure, settle
from build_image import build_image

from tests.parity import kubeadm, live

NO_SEED = "/usr/lib/bootstrap/seed/io.containerd.metadata.v1.bolt"
NODE = "bootstrap-bench-bundles"
SOCKET = "/var/run/docker.sock:/var/run/docker.sock"
SIZE_GOAL, TIME_GOAL, FIRST_GOAL, COLD_GOAL = 0.8, 1.0, 0.5, 0.5
FROM_BUNDLE = ("/io/images.bundle", "--trusted-key", "/io/key.pub")
IMPORT = ("ctr", "-n", "k8s.io", "images", "import", "/io/images.tar")
CRITICAL = "/kube-apiserver:"


def in_image(image: str, folder: Path, *words: str) -> str:
    """Run the program once, with the folder as /io and the engine's socket."""
    return run("docker", "run", "--rm", "-v", f"{folder}:/io", "-v", SOCKET, image, "bundle", *words)


def prepare(image: str, folder: Path) -> list[str]:
    """images.bundle and images.tar (as `docker save` writes it) in the folder; the names of the images."""
    in_image(image, folder, "keygen", "/io/key")
    in_image(image, folder, "create", "--key", "/io/key", "--output", "/io/images.bundle")
    in_image(image, folder, "load", "/io/images.bundle", "--trusted-key", "/io/key.pub", "--to", "docker")
    shown = in_image(image, folder, "inspect", "/io/images.bundle").splitlines()[2:]
    names = [line.split()[0] for line in shown]
    run("docker", "save", "-o", str(folder / "images.tar"), *names)
    run("docker", "rmi", "-f", *names)
    return names


def gzipped(path: Path) -> int:
    """Bytes after gzip -6."""
    packer, size = zlib.compressobj(6, zlib.DEFLATED, 31), 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            size += len(packer.compress(piece))
    return size + len(packer.flush())


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
        bundle, saved = (folder / "images.bundle").stat().st_size, gzipped(folder / "images.tar")
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
    show("bundle load / ctr images import, time", total / other, TIME_GOAL, f"{total:.1f} / {other:.1f} s")
    show("API server's images there / ctr images import", first / other, FIRST_GOAL, f"{first:.1f} / {other:.1f} s")
    show("init --bundle to Ready / import, kubeadm", up / kubeadm_up, COLD_GOAL, f"{up:.1f} / {kubeadm_up:.1f} s")


if __name__ == "__main__":
    main()
