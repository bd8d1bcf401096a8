"""Build the product's image, `bootstrap:v1.37.0`, in the Docker engine; nothing is done when nothing changed.

    build_image.py             build (components first, when they are missing); KUBERNETES=v1.36.3 in the environment
                               builds that one of the catalog, as do all scripts; STAMP=2 the same programs under
                               another build number, in an image whose tag ends in -2: something to upgrade to
    build_image.py --cached    end with 0 if that takes no compiler any more
    build_image.py --sizes     print what takes the space, and the size of `docker save | gzip -1`
    build_image.py --kubeadm   print the path of the kubeadm that the tests compare with

Each stage of the Dockerfile is an image of its own, tagged with the hash of its inputs: a change of the program
rebuilds the last one only, in seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import sys
import time
from pathlib import Path

from _base import base_image, image_id
from _common import (
    CACHE,
    IMAGES,
    KEEP,
    ROOT,
    alone,
    architecture,
    context,
    digest,
    fail,
    files_below,
    minor,
    prune,
    run,
    say,
    succeeds,
    timed,
)
from _debian import debian, without_running
from _inner_images import INNER, inner_images
from _sizes import SEED, sizes
from build_components import build, build_all, missing, tell_missing
from gen_components import check as check_components

PYTHON = "3.13"
"""The Python of the base (Debian 13)."""
IN_USR_BIN = ("containerd", "runc", "crictl")
IN_CNI_BIN = ("cni-plugins", "flannel-cni")
LINKS = {"ctr": "containerd"}
"""Names below /usr/bin of a program that does another's work as well."""
SNAPSHOT_FILES = {
    "hyperkube": "usr/local/bin/hyperkube",
    "kubelet": "usr/local/bin/hyperkube",
    "kubectl": "usr/local/bin/hyperkube",
    "etcd": "usr/local/bin/etcd",
    "etcdctl": "usr/local/bin/etcd",
    "etcdutl": "usr/local/bin/etcd",
}
CRICTL = "runtime-endpoint: unix:///run/containerd/containerd.sock\n"
RELEASE = ROOT / "bootstrap/model/release.py"
NODE_FILES = IMAGES / "node"
"""What lies in the image as it lies here: the units."""
LAUNCHER = """\
#!/usr/bin/python3 -IS
import sys

sys.path[:0] = ["/usr/lib/bootstrap/app", "/usr/lib/bootstrap/site"]
from bootstrap.cli.main import main

sys.exit(main())
"""


def dockerfile(until: str) -> str:
    """The Dockerfile up to a stage: what decides that stage and those before it."""
    return (ROOT / "Dockerfile").read_text().partition(f"FROM ${{{until}}}")[0]


def docker_build(target: str, tag: str, context: Path, *arguments: str) -> None:
    """Build one stage of the Dockerfile."""
    with timed(f"image {tag}"):
        run(
            "docker",
            "buildx",
            "build",
            "--network=host",
            "--load",
            "--progress=plain",
            "--provenance=false",
            "--file",
            ROOT / "Dockerfile",
            "--target",
            target,
            "--tag",
            tag,
            *arguments,
            context,
            quiet=True,
        )


def remove_others(repository: str, used: str) -> None:
    """Remove older images of a stage: as many stay as there are results of other things, newest first."""
    names = run("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository).splitlines()
    for name in [name for name in names if name != used][KEEP - 1 :]:
        succeeds("docker", "image", "rm", name)


def system_image() -> str:
    """The first stage: Debian with systemd."""
    base = base_image()
    key = digest([dockerfile("SYSTEM"), image_id(base)])[:16]
    tag = f"localhost/bootstrap/system:{key}"
    if not image_id(tag):
        with context() as empty:
            docker_build("system", tag, empty, f"--build-arg=BASE={base}")
    remove_others("localhost/bootstrap/system", tag)
    return tag


def place(source: Path, target: Path) -> None:
    """Put a file into a context without copying it where possible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copy2(source, target)


INSIDE = (
    ROOT / "scripts/_seed_inside.py",
    ROOT / "bootstrap/host/images/layers.py",
    ROOT / "bootstrap/host/images/seed.py",
)
"""The code that makes images in a container: what decides their bytes, beside the components."""


def seed(system: str, components: dict[str, Path]) -> Path:
    """The folder with seed.tar and index.json: the images inside, unpacked by a real containerd in a container."""
    spec, files = whole_spec(system, architecture())
    used = {name: components[name] for name in (*INNER, "containerd")}
    keys = (files.name, *(folder.name for folder in used.values()))
    result = CACHE / "seed" / digest([spec, image_id(system), *INSIDE, *keys])
    if not result.is_dir():
        with timed("seed (the images inside)"), context() as folder:
            run_inside(system, folder, INSIDE[0], spec, used, files, "--privileged")
            result.parent.mkdir(parents=True, exist_ok=True)
            (folder / "out").rename(result)
    prune(result.parent, result)
    return result


def whole_spec(system: str, arch: str) -> tuple[str, Path]:
    """What the images inside consist of, as JSON, and the folder of Debian's files that it names `root`.

    From there come all of Debian's programs for another architecture than this machine's, and those of packages that
    the system itself has not; the others are the system's own.
    """
    spec, files = inner_images(arch), debian(system, arch)
    trees = spec["trees"]
    spec["trees"] = {
        name: without_running(recipe, files, arch, trees) if arch != architecture() or "beside" in recipe else recipe
        for name, recipe in trees.items()
    }
    return json.dumps(spec, sort_keys=True), files


def run_inside(
    system: str, folder: Path, script: Path, spec: str, components: dict[str, Path], files: Path, *options: str
) -> None:
    """Run a script in a container of the system image; /in is made from the arguments, /out is `folder`/out."""
    inputs, output = folder / "in", folder / "out"
    (inputs / "root").mkdir(parents=True)
    output.mkdir()
    for name, built in components.items():
        for binary in built.iterdir():
            place(binary, inputs / name / binary.name)
    (inputs / "spec.json").write_text(spec)
    shutil.copy(INSIDE[0], inputs / "seed.py")
    for module in (*INSIDE[1:], ROOT / "bootstrap/model/errors.py"):
        place(module, inputs / "app" / module.relative_to(ROOT))
    mounts = ("-v", "/work", "-v", f"{inputs}:/in:ro", "-v", f"{output}:/out", "-v", f"{script}:/script.py:ro")
    mounts += ("-v", f"{files}:/in/root:ro")
    run("docker", "run", "--rm", "--network=none", *mounts, *options, system, "python3", "-B", "/script.py")


def site() -> Path:
    """The folder with the Python packages, made for the image's Python: the files that the lock has the hashes of."""
    machine = platform.machine()
    requirements = ROOT / "requirements.lock"
    result = CACHE / "site" / digest([requirements.read_text(), PYTHON, machine])
    if not result.is_dir():
        with timed("Python packages"), context() as folder:
            run(
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-compile",
                "--require-hashes",
                "--only-binary=:all:",
                "--target",
                folder / "site",
                "--python-version",
                PYTHON,
                "--implementation",
                "cp",
                "--platform",
                f"manylinux_2_28_{machine}",
                "--platform",
                f"manylinux2014_{machine}",
                "-r",
                requirements,
                quiet=True,
            )
            shutil.rmtree(folder / "site/bin", ignore_errors=True)
            result.parent.mkdir(parents=True, exist_ok=True)
            (folder / "site").chmod(0o755)
            (folder / "site").rename(result)
    prune(result.parent, result)
    return result


def node_image(system: str) -> str:
    """The second stage: binaries, the images inside, Python packages."""
    components = build_all()
    images, packages = seed(system, components), site()
    inputs = [
        dockerfile("NODE"),
        image_id(system),
        images.name,
        packages.name,
        json.dumps([SNAPSHOT_FILES, LINKS]),
        CRICTL,
    ]
    inputs += [components[name].name for name in (*IN_USR_BIN, *IN_CNI_BIN)]
    tag = f"localhost/bootstrap/node:{digest(inputs)[:16]}"
    if not image_id(tag):
        with context() as folder:
            place(images / "seed.tar", folder / "seed.tar")
            for names, target in ((IN_USR_BIN, "usr/bin"), (IN_CNI_BIN, "opt/cni/bin")):
                for binary in (path for name in names for path in components[name].iterdir()):
                    place(binary, folder / "root" / target / binary.name)
            (folder / "root/etc").mkdir()
            (folder / "root/etc/crictl.yaml").write_text(CRICTL)
            for link, inside in SNAPSHOT_FILES.items():
                (folder / "root/usr/bin" / link).symlink_to(f"{SEED}/{tree_with(images, inside)}/{inside}")
            for link, program in LINKS.items():
                (folder / "root/usr/bin" / link).symlink_to(program)
            shutil.copytree(packages, folder / "site", copy_function=place_as_copy, symlinks=True)
            docker_build("node", tag, folder, f"--build-arg=SYSTEM={system}")
    remove_others("localhost/bootstrap/node", tag)
    return tag


def place_as_copy(source: str, target: str) -> None:
    """`place` in the form that shutil wants."""
    place(Path(source), Path(target))


def tree_with(images: Path, inside: str) -> str:
    """The tree of the seed that holds a file (looked up in the tar: the tree itself is in the image only)."""
    listing = run("tar", "-tf", images / "seed.tar").splitlines()
    for layer in json.loads((images / "index.json").read_text())["layers"].values():
        if f"./{layer['tree']}/{inside}" in listing:
            return str(layer["tree"])
    fail(f"the seed has no {inside}")


def program_inputs() -> list[Path]:
    """The files of the last stage."""
    return files_below(ROOT / "bootstrap", ROOT / "manifests", IMAGES / "catalog.yaml", NODE_FILES)


def program_target(path: Path) -> Path:
    """Where a file of the last stage lies in the image."""
    if path.is_relative_to(NODE_FILES):
        return path.relative_to(NODE_FILES)
    below = Path("usr/lib/bootstrap")
    return below / path.name if path.parent == IMAGES else below / "app" / path.relative_to(ROOT)


def release() -> str:
    """release.py with the versions of the minor that is built."""
    entry, text = minor(), RELEASE.read_text()
    values = {
        "KUBERNETES_MINOR": entry["kubernetesVersion"].removeprefix("v").rpartition(".")[0],
        "KUBERNETES_VERSION": entry["kubernetesVersion"],
        "BUILT_VERSION": entry["builtVersion"],
    }
    for name, value in values.items():
        text = re.sub(rf'^{name} = ".*"$', f'{name} = "{value}"', text, flags=re.MULTILINE)
    return text


def labels() -> dict[str, str]:
    """What the image says about itself."""
    entry = minor()
    used = {name: component for name, component in entry["components"].items() if not component.get("testOnly")}
    return {
        "org.opencontainers.image.title": "bootstrap",
        "org.opencontainers.image.description": "Makes Kubernetes clusters",
        "org.opencontainers.image.version": entry["kubernetesVersion"],
        "org.opencontainers.image.licenses": "Apache-2.0",
        "bootstrap.kubernetes": entry["builtVersion"],
        "bootstrap.components": " ".join(
            sorted(
                {
                    f"{c['module']}@{c['version']}"
                    for c in (*used.values(), *entry["packages"].values(), *entry["parts"].values())
                }
            )
        ),
    }


def build_image() -> str:
    """Build what changed; return the image's name."""
    if not succeeds("docker", "info"):
        fail("no Docker engine answers; `make engine` starts one")
    tag = os.environ.get("BOOTSTRAP_IMAGE") or f"bootstrap:{minor()['kubernetesVersion']}"
    if stamp := os.environ.get("STAMP"):
        tag += f"-{stamp}"
    start = time.monotonic()
    node = node_image(system_image())
    check_components()
    key = digest([(ROOT / "Dockerfile").read_text(), image_id(node), LAUNCHER, json.dumps(labels()), *program_inputs()])
    if (
        image_id(tag)
        and run("docker", "image", "inspect", "-f", '{{index .Config.Labels "bootstrap.inputs"}}', tag) == key
    ):
        say(f"  {tag} is up to date")
        return tag
    with context() as folder:
        program = folder / "program/usr/lib/bootstrap"
        for path in program_inputs():
            target = folder / "program" / program_target(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        (folder / "program" / program_target(RELEASE)).write_text(release())
        (program / "app").mkdir(parents=True, exist_ok=True)
        launcher = folder / "program/usr/bin/bootstrap"
        launcher.parent.mkdir(parents=True)
        launcher.write_text(LAUNCHER)
        for path in (folder / "program").rglob("*"):
            path.chmod(0o755 if path.is_dir() or path == launcher else 0o644)
        said = {**labels(), "bootstrap.inputs": key}
        docker_build(
            "image",
            tag,
            folder,
            f"--build-arg=NODE={node}",
            *(f"--label={name}={value}" for name, value in said.items()),
        )
    succeeds("docker", "image", "prune", "-f", "--filter", "label=bootstrap.inputs")
    say(f"  {tag}: {time.monotonic() - start:.1f} s")
    return tag


def main() -> None:
    """Parse the arguments and do one thing."""
    parser = argparse.ArgumentParser(description="build the product's image")
    parser.add_argument("--cached", action="store_true", help="only say whether everything is compiled already")
    parser.add_argument("--sizes", action="store_true", help="print what takes the space")
    parser.add_argument("--kubeadm", action="store_true", help="print the path of the tests' kubeadm")
    options = parser.parse_args()
    if options.cached:
        tell_missing(missing(architecture()), f"make image KUBERNETES={minor()['kubernetesVersion']}")
    with alone():
        act(options)


def act(options: argparse.Namespace) -> None:
    """Do what the arguments say."""
    if options.kubeadm:
        print(build("kubeadm") / "kubeadm")
    elif options.sizes:
        sizes(build_image())
    else:
        print(build_image())


if __name__ == "__main__":
    main()
