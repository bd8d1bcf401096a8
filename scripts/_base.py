"""The Debian that the image is built on."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from _common import ensure_packages, fail, run, say, succeeds, timed

UPSTREAM_BASE = "debian:trixie-slim"
OWN_BASE = "localhost/bootstrap/base:trixie"
DEBOOTSTRAP_LEFT_OUT = ("./dev/*", "./var/cache/apt/archives/*.deb", "./var/lib/apt/lists/*")


def image_id(name: str) -> str:
    """The id of an image in the engine, or nothing."""
    return (
        run("docker", "image", "inspect", "-f", "{{.Id}}", name) if succeeds("docker", "image", "inspect", name) else ""
    )


def base_image() -> str:
    """The Debian to build on: what BASE says, else what is here, else what a registry has, else one made here."""
    wanted = os.environ.get("BASE")
    for name in [wanted] if wanted else [UPSTREAM_BASE, OWN_BASE]:
        if image_id(name):
            return name
    if succeeds("timeout", "120", "docker", "pull", "-q", wanted or UPSTREAM_BASE):
        return wanted or UPSTREAM_BASE
    if wanted:
        fail(f"BASE={wanted} is neither in the engine nor in a registry that answers")
    make_base()
    return OWN_BASE


def make_base() -> None:
    """Make a minimal Debian 13 from packages, for machines that reach no registry."""
    ensure_packages("debootstrap", probe=("debootstrap",))
    if os.geteuid() != 0:
        fail(f"no registry answers for {UPSTREAM_BASE}; run this once as root, or set BASE to an image here")
    say(f"  no registry answers for {UPSTREAM_BASE}: making {OWN_BASE} from Debian's packages")
    with tempfile.TemporaryDirectory(prefix="bootstrap-base-") as folder:
        with timed("debootstrap"):
            command = ["debootstrap", "--variant=minbase", "trixie", folder]
            if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode:
                shutil.rmtree(folder)
                Path(folder).mkdir(mode=0o755)
                run(*command, debian_source(), quiet=True)
        left_out = [f"--exclude={pattern}" for pattern in DEBOOTSTRAP_LEFT_OUT]
        packing = subprocess.Popen(
            ["tar", "-C", folder, "--numeric-owner", *left_out, "-c", "."], stdout=subprocess.PIPE
        )
        run("docker", "import", "-", OWN_BASE, stdin=packing.stdout)
        if packing.wait():
            fail("packing the base failed")


def debian_source() -> str:
    """The address of the machine's own Debian source."""
    for line in run("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)").splitlines():
        site, _, release = line.partition(" ")
        if "security" not in site and "debian" in site and release:
            return site
    fail("no Debian source found")
