"""Build the disk of the emulated machine that tests/vm boots, and print the folder it lies in.

The folder holds root.img (ext4, sparse), vmlinuz and initrd. It is made anew only when tests/vm/guest, the base or
this script changes. The emulator is installed where it is missing.
"""

from __future__ import annotations

import os
from pathlib import Path

from _base import base_image, image_id
from _common import CACHE, ROOT, alone, digest, ensure_packages, files_below, prune, run, succeeds, timed

GUEST = ROOT / "tests/vm/guest"
DISK_SIZE = "16G"
"""Room for the image, its unpacked layers and a node's data; only what is used takes space."""
MAKE_DISK = """\
set -e
rm -f /.dockerenv                # systemd would take the machine for a container
mount --bind / /mnt              # the bare root, without what the engine mounts into a container
cp -rT /in /mnt/etc
cp /boot/vmlinuz-* /out/vmlinuz
cp /boot/initrd.img-* /out/initrd
mke2fs -q -t ext4 -d /mnt /out/root.img "$1"
chown "$2" /out/*
"""


def guest() -> Path:
    """The folder with the disk, the kernel and the initrd of the machine."""
    base = base_image()
    key = digest([image_id(base), DISK_SIZE, MAKE_DISK, *files_below(GUEST)])
    result = CACHE / "guest" / key
    if not result.is_dir():
        result.parent.mkdir(parents=True, exist_ok=True)
        build(base, f"localhost/bootstrap/guest:{key[:16]}", result)
    prune(result.parent, result)
    return result


def build(base: str, tag: str, result: Path) -> None:
    """An image of the machine's root by the engine, and a disk made of it in a container: no loop device is needed."""
    with timed("the emulated machine's root"):
        options = ("--network=host", "--load", "--provenance=false", f"--build-arg=BASE={base}")
        run("docker", "buildx", "build", "--progress=plain", *options, "--tag", tag, GUEST, quiet=True)
    output = result.with_name(f".{result.name}")
    with timed("the emulated machine's disk"):
        run("rm", "-rf", output)
        output.mkdir()
        owner = f"{os.getuid()}:{os.getgid()}"
        volumes = ("-v", f"{GUEST}/etc:/in:ro", "-v", f"{output}:/out")
        words = ("sh", "-c", MAKE_DISK, "make-disk", DISK_SIZE, owner)
        run("docker", "run", "--rm", "--privileged", "--network=none", *volumes, tag, *words)
        output.rename(result)
    succeeds("docker", "image", "rm", tag)


if __name__ == "__main__":
    ensure_packages("qemu-system-x86", "qemu-utils", probe=("qemu-system-x86_64", "qemu-img"))
    with alone():
        print(guest())
