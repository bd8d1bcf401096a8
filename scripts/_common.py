"""What the build scripts share: where things are, the catalog, hashing, and running a command."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import yaml

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "images"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bootstrap"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""The architectures that are built for: Go's name, and the kernel's, which is GNU's too."""
KEEP = 3
"""How many results of each cached thing stay on disk: those of another minor and of another build number too."""


def fail(message: str) -> NoReturn:
    """End the script with one line that says what to do."""
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")


def say(message: str) -> None:
    """Progress goes to standard error: standard output is for results."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def alone() -> Iterator[None]:
    """Hold the cache's lock: a second build waits for the first and then finds everything there."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("  another build is running: waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def context() -> Iterator[Path]:
    """A folder for a build context, on the cache's file system so that links into the cache work."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".context-") as folder:
        yield Path(folder)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print what is being done, and how long it took."""
    say(f"  {what} …")
    start = time.monotonic()
    yield
    say(f"  {what}: {time.monotonic() - start:.1f} s")


def run(*command: str | Path, quiet: bool = False, **options: Any) -> str:
    """Run a command and return its output; its own errors are shown, ours is one line."""
    words = [str(word) for word in command]
    options.setdefault("stderr", subprocess.PIPE if quiet else None)
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False, **options)
    if done.returncode:
        if quiet:
            say((done.stderr or "")[-4000:])
        fail(f"`{' '.join(words)[:200]}` failed with exit code {done.returncode}")
    return str(done.stdout).strip()


def succeeds(*command: str | Path) -> bool:
    """Whether a command ends well; its output is dropped."""
    words = [str(word) for word in command]
    return subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def architecture() -> str:
    """Go's name of this machine's architecture."""
    return next((name for name, machine in MACHINES.items() if machine == platform.machine()), platform.machine())


def triplet(arch: str) -> str:
    """GNU's name of a Linux of an architecture: of its tools, and of the folder of its libraries."""
    return f"{MACHINES[arch]}-linux-gnu"


def catalog() -> dict[str, Any]:
    """The catalog as it is in the file."""
    loaded: dict[str, Any] = yaml.safe_load((IMAGES / "catalog.yaml").read_text())
    return loaded


def minor() -> dict[str, Any]:
    """The catalog's entry of the minor that is built: what KUBERNETES names (1.36, v1.36.3), else the default."""
    whole = catalog()
    wanted = os.environ.get("KUBERNETES") or whole["default"]
    found: dict[str, dict[str, Any]] = dict(whole["minors"])
    found |= {entry["kubernetesVersion"]: entry for entry in whole["minors"].values()}
    if wanted not in found:
        fail(f"KUBERNETES={wanted} is not in the catalog; there are {', '.join(sorted(found))}")
    return stamped(found[wanted], os.environ.get("STAMP", ""))


def stamped(entry: dict[str, Any], stamp: str) -> dict[str, Any]:
    """A minor under another build number: the same programs, images and version of other names.

    What the programs report stays, since it is compiled into them.
    """
    if not stamp:
        return entry
    built, old = str(entry["builtVersion"]), str(entry["builtVersion"]).partition("+")[2]
    new = f"bootstrap.{stamp}"
    images = {name: {**image, "tag": image["tag"].replace(old, new)} for name, image in entry["images"].items()}
    return {**entry, "builtVersion": built.replace(old, new), "images": images}


def ensure_packages(*names: str, probe: Sequence[str] = ()) -> None:
    """Install Debian packages unless every probe (a program or a file) is there already."""
    if all(shutil.which(item) or Path(item).exists() for item in probe):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        fail(f"missing: {' '.join(names)} (as Debian calls them); install them and run this again")
    with timed(f"apt-get install {' '.join(names)}"):
        run("apt-get", "update", "-qq", quiet=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *names, quiet=True, env=environment)


def files_below(*tops: Path) -> list[Path]:
    """Every regular file below the given places, sorted, without Python's byte code."""
    found: set[Path] = set()
    for top in tops:
        inside = [top] if top.is_file() else top.rglob("*")
        found.update(
            path for path in inside if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
        )
    return sorted(found)


def digest(parts: Iterable[str | bytes | Path]) -> str:
    """A key of texts and files (a file counts with its name relative to the repository, mode and content)."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            name = part.relative_to(ROOT) if part.is_relative_to(ROOT) else part
            total.update(f"file {name} {part.stat().st_mode & 0o111:o}\n".encode())
        content = part.read_bytes() if isinstance(part, Path) else part
        data = content.encode() if isinstance(content, str) else content
        total.update(f"{len(data)}\n".encode() + data)
    return total.hexdigest()


def prune(parent: Path, used: Path) -> None:
    """Keep the newest results below a folder, the one in use first; remove the rest."""
    os.utime(used)
    entries = [path for path in parent.iterdir() if path.is_dir() and not path.name.startswith(".")]
    entries.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for old in entries[KEEP:]:
        shutil.rmtree(old)
