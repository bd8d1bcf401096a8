"""Build every component from source into a cache whose folders are named by the hash of what went in.

build_components.py                         build what is missing of what goes into the image
build_components.py NAME...                 only these
build_components.py --arch arm64 NAME...    these for another architecture than this machine's
build_components.py --print NAME            build if missing, print the folder with its binaries
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from _common import (
    CACHE,
    IMAGES,
    MACHINES,
    alone,
    architecture,
    context,
    digest,
    ensure_packages,
    fail,
    files_below,
    minor,
    prune,
    run,
    say,
    triplet,
)

STATIC_CGO = "-linkmode external -extldflags -static"
GO_MINIMUM = (1, 26)
MAIN_PACKAGE = re.compile(r"^package main$", re.MULTILINE)
MAIN = re.compile(r"^(func )main\(\)", re.MULTILINE)


def go_version() -> str:
    """The version of the machine's Go, which must be new enough."""
    if not shutil.which("go"):
        fail("Go is missing; install Go 1.26 or newer (https://go.dev/dl)")
    version = run("go", "env", "GOVERSION")
    if tuple(int(part) for part in version.removeprefix("go").split(".")[:2]) < GO_MINIMUM:
        fail(f"Go is {version}; 1.26 or newer is needed (https://go.dev/dl)")
    return version


def go_command(entry: dict[str, Any]) -> list[str]:
    """The build command of an entry, without the output and the package."""
    flags = ["-s", "-w", *(f"-X={name}={value}" for name, value in sorted(entry.get("stamp", {}).items()))]
    if entry["kind"] == "go-cgo":
        flags.append(STATIC_CGO)
    command = ["go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly", f"-ldflags={' '.join(flags)}"]
    if entry.get("tags"):
        command.append(f"-tags={','.join(entry['tags'])}")
    return command


def go_environment(entry: dict[str, Any], arch: str) -> dict[str, str]:
    """The environment of a Go build: the user's flags must not change what comes out."""
    own = {"GOFLAGS": "", "GOWORK": "off", "CGO_ENABLED": "1" if entry["kind"] == "go-cgo" else "0", "GOARCH": arch}
    return {**os.environ, **own, "CC": compiler(arch)}


def compiler(arch: str) -> str:
    """The C compiler for an architecture, as Debian calls it."""
    return "gcc" if arch == architecture() else f"{triplet(arch)}-gcc"


def c_command(entry: dict[str, Any], arch: str) -> list[str]:
    """The command that builds a C program, without the output and the source."""
    stamp = [f'-D{name}="{value}"' for name, value in sorted(entry.get("stamp", {}).items())]
    return [compiler(arch), "-Os", "-static", "-s", "-Wall", "-Wextra", *stamp]


def key(name: str, entry: dict[str, Any], folder: Path, arch: str) -> str:
    """The hash of everything that decides the binaries."""
    if entry["kind"] == "c":
        tool, command = run(compiler(arch), "-dumpfullversion"), c_command(entry, arch)
    else:
        platform = run("go", "env", "GOOS", "GOARCH", env=go_environment(entry, arch))
        tool, command = f"{go_version()} {platform}", go_command(entry)
    return digest([name, json.dumps(entry, sort_keys=True), tool, shlex.join(command), *files_below(folder)])


def needs(name: str, entry: dict[str, Any], arch: str) -> None:
    """Install the C toolchain for what needs it."""
    if entry["kind"] == "go":
        return
    if arch == architecture():
        ensure_packages("gcc", "libc6-dev", "libseccomp-dev", probe=("gcc", "/usr/include/seccomp.h"))
    elif "seccomp" in entry.get("tags", ()):
        fail(f"{name} needs libseccomp for {arch}: build it on such a machine")
    else:
        packages = (f"gcc-{triplet(arch).replace('_', '-')}", f"libc6-dev-{arch}-cross")
        ensure_packages(*packages, probe=(compiler(arch), f"/usr/{triplet(arch)}/lib/libc.a"))


def compile_into(entry: dict[str, Any], folder: Path, target: Path, arch: str) -> None:
    """Run the compiler once for each binary."""
    with with_mains(entry, folder, go_environment(entry, arch)) as sources:
        compile_from(entry, sources, target, arch)


def compile_from(entry: dict[str, Any], folder: Path, target: Path, arch: str) -> None:
    """The same, with everything that it imports."""
    for binary, package in entry["binaries"].items():
        if entry["kind"] == "c":
            run(*c_command(entry, arch), "-o", target / binary, folder / package)
        else:
            run(*go_command(entry), "-o", target / binary, package, cwd=folder, env=go_environment(entry, arch))


@contextmanager
def with_mains(entry: dict[str, Any], folder: Path, env: dict[str, str]) -> Iterator[Path]:
    """The folder, or a copy in which the main packages of `mains` are packages `program` that have a Main.

    Nobody can import a main package; the copies come from modules that go.sum knows.
    """
    if not entry.get("mains"):
        yield folder
        return
    with context() as scratch:
        sources = scratch / "sources"
        shutil.copytree(folder, sources)
        for number, (module, packages) in enumerate(entry["mains"].items()):
            run("go", "mod", "download", module, cwd=folder, env=env)
            there, copy = run("go", "list", "-m", "-f", "{{.Dir}}", module, cwd=folder, env=env), sources / str(number)
            shutil.copytree(
                there, copy, ignore=shutil.ignore_patterns("vendor", "*_test.go"), copy_function=shutil.copy
            )
            for path in (copy, *copy.rglob("*")):
                path.chmod(path.stat().st_mode | 0o200)
            for package in packages:
                for path in (copy / package).glob("*.go"):
                    path.write_text(MAIN.sub(r"\1Main()", MAIN_PACKAGE.sub("package program", path.read_text())))
            run("go", "mod", "edit", f"-replace={module}=./{number}", cwd=sources, env=env)
        yield sources


def cached(name: str, arch: str) -> Path:
    """The folder of a component in the cache, built or not."""
    entry = component(name)
    folder = entry.get("folder", name)
    results = CACHE / "components" / (folder if arch == architecture() else f"{folder}-{arch}")
    return results / key(name, entry, IMAGES / folder, arch)


def is_cached(name: str, arch: str) -> bool:
    """Whether a component is built already; without its compiler it is not."""
    return bool(shutil.which(compiler(arch))) and cached(name, arch).is_dir()


def component(name: str) -> dict[str, Any]:
    """A component's entry in the catalog."""
    entry: dict[str, Any] | None = minor()["components"].get(name)
    if entry is None:
        fail(f"no component {name!r}; there are: {', '.join(minor()['components'])}")
    return entry


def build(name: str, arch: str = "") -> Path:
    """Build one component (for this machine, or for another architecture) unless it is cached; return its folder."""
    entry, arch = component(name), arch or architecture()
    needs(name, entry, arch)
    result = cached(name, arch)
    if not result.is_dir():
        shown = f"{name} {entry['version']}" if arch == architecture() else f"{name} {entry['version']} for {arch}"
        say(f"  {shown}: building …")
        start = time.monotonic()
        unfinished = result.with_name(f".{result.name}.{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        try:
            compile_into(entry, IMAGES / entry.get("folder", name), unfinished, arch)
            unfinished.rename(result)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        size = sum(path.stat().st_size for path in result.iterdir()) / 1e6
        say(f"  {shown}: {time.monotonic() - start:.0f} s, {size:.0f} MB")
    prune(result.parent, result)
    return result


def missing(*architectures: str, names: Sequence[str] = ()) -> list[str]:
    """Which components of the image (or of those named) are not built yet, for these architectures."""
    wanted = names or [name for name, entry in minor()["components"].items() if not entry.get("testOnly")]
    return [f"{name} for {arch}" for arch in architectures for name in wanted if not is_cached(name, arch)]


def tell_missing(names: list[str], remedy: str) -> NoReturn:
    """Answer `--cached`: exit 0 when nothing is missing, else name it, and exit 1."""
    if names:
        say(f"  not compiled: {', '.join(names)} (`{remedy}` does it)")
    sys.exit(bool(names))


def build_all(*, tests: bool = False) -> dict[str, Path]:
    """Build every component of the image (and those for tests, when asked); name to folder."""
    entries = minor()["components"]
    return {name: build(name) for name, entry in entries.items() if tests or not entry.get("testOnly")}


def main() -> None:
    """Parse the arguments and build."""
    parser = argparse.ArgumentParser(description="build the components from source into the cache")
    parser.add_argument("names", nargs="*", help="components (default: all of the image)")
    parser.add_argument("--arch", choices=MACHINES, default=architecture(), help="build for this architecture")
    parser.add_argument("--print", metavar="NAME", dest="shown", help="build NAME if missing and print its folder")
    options = parser.parse_args()
    with alone():
        act(options)


def act(options: argparse.Namespace) -> None:
    """Do what the arguments say."""
    if options.shown:
        print(build(options.shown, options.arch))
        return
    if not options.names and options.arch != architecture():
        fail(f"say which components are to be built for {options.arch}")
    if not options.names:
        build_all()
    for name in options.names:
        build(name, options.arch)


if __name__ == "__main__":
    main()
