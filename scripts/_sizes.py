"""What takes the space in the image."""

from __future__ import annotations

import json
import subprocess
import zlib
from collections.abc import Iterator

from _common import fail, run

LIMIT = 250_000_000
"""Bytes of the whole image after gzip -1: what a registry sends is about as much."""
SEED = "/usr/lib/bootstrap/seed"


def compressed(chunks: Iterator[bytes]) -> tuple[int, int]:
    """The length of a stream, and its length after gzip -1."""
    packer, plain, packed = zlib.compressobj(1, zlib.DEFLATED, 31), 0, 0
    for chunk in chunks:
        plain += len(chunk)
        packed += len(packer.compress(chunk))
    return plain, packed + len(packer.flush())


def output_of(*command: str) -> Iterator[bytes]:
    """The output of a command, a piece at a time."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        while chunk := process.stdout.read(1 << 20):
            yield chunk
    if process.returncode:
        fail(f"`{' '.join(command)}` failed")


def whole(tag: str) -> tuple[int, int]:
    """The length of `docker save`, and its length after gzip -1."""
    return compressed(output_of("docker", "save", tag))


def parts(tag: str) -> dict[str, str]:
    """What is measured: a name and the shell words that name its files in the image."""
    index = json.loads(run("docker", "run", "--rm", "--entrypoint", "cat", tag, f"{SEED}/index.json"))
    trees = {image["layers"][-1]: image["names"][0].rpartition("/")[2] for image in index["images"]}
    found = {}
    for layer, about in sorted(index["layers"].items(), key=lambda item: -item[1]["size"]):
        name = {"kube-apiserver": "hyperkube (4 images, kubelet, kubectl)"}.get(
            trees.get(layer, "nft, iptables").partition(":")[0]
        )
        found[f"image  {name or trees.get(layer, 'nft, iptables (shared)')}"] = f"{SEED}/{about['tree']}"
    for name in ("containerd", "containerd-shim-runc-v2", "runc", "crictl"):
        found[f"binary {name}"] = f"/usr/bin/{name}"
    found["CNI plugins"] = "/opt/cni/bin"
    found["Python packages"] = "/usr/lib/bootstrap/site"
    found["the program"] = "/usr/lib/bootstrap/app"
    found["Python itself"] = "/usr/lib/python3 /usr/lib/python3.13 /usr/bin/python3.13"
    return found


def sizes(tag: str) -> None:
    """Print what takes the space, and fail when the limit is passed."""
    print(f"{'MB':>8} {'gzip -1':>8}  part")
    rows = []
    for name, where in parts(tag).items():
        rows.append(
            (
                name,
                *compressed(
                    output_of("docker", "run", "--rm", "--entrypoint", "sh", tag, "-c", f"tar -c {where} 2>/dev/null")
                ),
            )
        )
    everything = whole(tag)
    rows.append(
        (
            "Debian and systemd (the rest)",
            everything[0] - sum(row[1] for row in rows),
            everything[1] - sum(row[2] for row in rows),
        )
    )
    for name, plain, packed in sorted(rows, key=lambda row: -row[2]):
        print(f"{plain / 1e6:8.1f} {packed / 1e6:8.1f}  {name}")
    print(
        f"{everything[0] / 1e6:8.1f} {everything[1] / 1e6:8.1f}  docker save {tag} | gzip -1 (limit {LIMIT // 10**6})"
    )
    if everything[1] > LIMIT:
        fail("the image is larger than its limit")
