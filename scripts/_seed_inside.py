"""Runs inside a container of the `system` image: makes the images inside, and the seed that holds them.

/in/<component>/    the binaries
/in/spec.json       {"images": [{"names": [...], "trees": ["net", "hyperkube"]}], "trees": {...}, "owner": uid}
/out/seed.tar       the containerd root with unpacked images, without layer blobs; its index.json says what is where
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, "/in/app")
from bootstrap.host.images.layers import layer_digest, write_layer  # the path above makes it importable
from bootstrap.host.images.seed import CONTENT, METADATA, SNAPSHOTTER

IN, OUT, WORK, SEED = Path("/in"), Path("/out"), Path("/work"), Path("/work/seed")
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
SOCKET = "/run/seed.sock"


def add_file(tree: Path, source: Path, target: str) -> None:
    """Copy a file (not the link to it) into a tree, with plain modes."""
    place = tree / target.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)
    place.chmod(0o755 if source.stat().st_mode & 0o111 else 0o644)


def add_program(tree: Path, path: str) -> None:
    """Copy a program or library of this system with the libraries it loads."""
    add_file(tree, Path(path), os.path.realpath(path))
    listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
    for word in listed.split():
        if word.startswith("/"):
            add_file(tree, Path(word), word if word.startswith("/usr/") else f"/usr{word}")


def add_link(tree: Path, link: str, target: str) -> None:
    """Make a symbolic link in a tree."""
    place = tree / link.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def make_tree(name: str, recipe: dict[str, Any]) -> Path:
    """Make one layer's tree as its recipe says."""
    tree = WORK / "trees" / name
    tree.mkdir(parents=True)
    for link, target in recipe.get("merged", {}).items():
        add_link(tree, link, target)
    for path in recipe.get("programs", []):
        add_program(tree, path)
    for folder in recipe.get("folders", []):
        for path in sorted(Path(folder).iterdir()):
            if path.is_symlink():
                add_link(tree, str(path), os.readlink(path))
            elif path.is_file():
                add_program(tree, str(path))  # an extension, which may need a library that no program does
    for source, target in recipe.get("files", {}).items():
        add_file(tree, IN / source if not source.startswith("/") else Path(source), target)
    for link, target in recipe.get("links", {}).items():
        add_link(tree, link, target)
    for folder in [tree, *(path for path in tree.rglob("*") if path.is_dir() and not path.is_symlink())]:
        folder.chmod(0o755)
    for folder, mode in recipe.get("empty", {}).items():
        (tree / folder).mkdir(parents=True, exist_ok=True)
        (tree / folder).chmod(int(mode, 8))
    return tree


class Layout:
    """An OCI image layout being written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = folder / "blobs/sha256"
        self.blobs.mkdir(parents=True)
        self.manifests: list[dict[str, Any]] = []

    def layer(self, tree: Path) -> dict[str, Any]:
        """Store a tree's tar; its descriptor."""
        partial = self.blobs / "partial"
        with partial.open("wb") as output:
            digest = write_layer(tree, output)
        final = partial.rename(self.blobs / digest.removeprefix("sha256:"))
        return {"mediaType": LAYER_TYPE, "digest": digest, "size": final.stat().st_size}

    def document(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """Store a JSON document; its descriptor."""
        data = json.dumps(content, sort_keys=True).encode()
        digest = hashlib.sha256(data).hexdigest()
        (self.blobs / digest).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    def image(self, image: dict[str, Any], layers: list[dict[str, Any]], architecture: str) -> dict[str, Any]:
        """Store an image under its names; what index.json of the seed says about it."""
        platform = {"architecture": architecture, "os": "linux"}
        diffs = {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}
        config = self.document(
            CONFIG_TYPE,
            {
                **platform,
                "config": image["config"],
                "rootfs": diffs,
                "created": image["created"],
                "history": [{"created": image["created"], "created_by": tree} for tree in image["trees"]],
            },
        )
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": layers}
        described = self.document(MANIFEST_TYPE, manifest)
        for name in image["names"]:
            short = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]}
            self.manifests.append({**described, "platform": platform, "annotations": short})
        return {
            "names": image["names"],
            "manifest": described["digest"],
            "config": config["digest"],
            "layers": [layer["digest"] for layer in layers],
        }

    def tar(self, target: Path) -> None:
        """Write the layout as one tar."""
        index = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": self.manifests,
        }
        (self.folder / "index.json").write_text(json.dumps(index))
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        with tarfile.open(target, "w") as archive:
            archive.add(self.folder, ".")


def containerd_log() -> str:
    """What containerd said last."""
    return Path("/work/containerd.log").read_text()[-3000:]


def ctr(*arguments: str) -> str:
    """Run ctr against the seed's containerd."""
    command = ["ctr", "--address", SOCKET, "-n", "k8s.io", *arguments]
    done = subprocess.run(command, executable="/in/containerd/containerd", capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed: {done.stderr}\n{containerd_log()}")
    return done.stdout


def until(what: str, reached: Any) -> None:
    """Wait until something holds."""
    for _ in range(300):
        if reached():
            return
        time.sleep(0.1)
    sys.exit(f"{what}: not within 30 s\n{containerd_log()}")


def fill(archive: Path, names: list[str]) -> None:
    """Import the images. containerd's CRI part marks them as its own, and pinned: the kubelet never collects them."""
    pins = "\n".join(f"p{number} = '{name}'" for number, name in enumerate(names))
    Path("/work/config.toml").write_text(
        "version = 3\nrequired_plugins = ['io.containerd.cri.v1.images']\n"
        f"[plugins.'io.containerd.cri.v1.images'.pinned_images]\n{pins}\n"
        "[plugins.'io.containerd.cri.v1.runtime'.cni]\nbin_dirs = ['/opt/cni/bin']\nconf_dir = '/etc/cni/net.d'\n"
    )
    command = [
        "/in/containerd/containerd",
        "--config",
        "/work/config.toml",
        "--root",
        str(SEED),
        "--state",
        "/run/seed-state",
        "--address",
        SOCKET,
    ]
    with Path("/work/containerd.log").open("w") as log:
        daemon = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until("containerd's socket", lambda: daemon.poll() is not None or Path(SOCKET).is_socket())
        ctr("version")
        ctr("images", "import", str(archive))
        marked = "io.cri-containerd.pinned=pinned"
        until("CRI's marks", lambda: sum(marked in line for line in ctr("images", "ls").splitlines()) >= len(names))
        until("CRI's references", lambda: "sha256:" in ctr("images", "ls", "-q"))
        time.sleep(1)
    finally:
        daemon.terminate()
        daemon.wait()


def trim(index: dict[str, Any]) -> None:
    """Drop layer blobs and what containerd makes again, and note which snapshot holds which layer."""
    diffs = {digest for image in index["images"] for digest in image["layers"]}
    for digest in diffs:
        (SEED / CONTENT / "blobs/sha256" / digest.removeprefix("sha256:")).unlink()
    index["layers"] = {}
    for snapshot in sorted((SEED / SNAPSHOTTER / "snapshots").iterdir(), key=lambda path: int(path.name)):
        digest, size = layer_digest(snapshot / "fs")
        if digest not in diffs:
            sys.exit(f"snapshot {snapshot.name} gives {digest}, which is no layer of the images")
        index["layers"][digest] = {"tree": f"{SNAPSHOTTER}/snapshots/{snapshot.name}/fs", "size": size}
    if set(index["layers"]) != diffs:
        sys.exit("a layer has no snapshot")
    keep = {SNAPSHOTTER, CONTENT, Path(METADATA).parts[0]}
    for entry in SEED.iterdir():
        if entry.name not in keep:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for leftover in (SEED / CONTENT / "ingest").glob("*"):
        shutil.rmtree(leftover)
    (SEED / "index.json").write_text(json.dumps(index, indent=1, sort_keys=True))


def main() -> None:
    """Make the seed."""
    spec = json.loads((IN / "spec.json").read_text())
    layout = Layout(WORK / "layout")
    layers = {name: layout.layer(make_tree(name, recipe)) for name, recipe in spec["trees"].items()}
    images = [
        layout.image(image, [layers[tree] for tree in image["trees"]], spec["architecture"]) for image in spec["images"]
    ]
    layout.tar(WORK / "images.tar")
    shutil.rmtree(layout.folder)
    fill(WORK / "images.tar", [name for image in spec["images"] for name in image["names"]])
    trim({"images": images})
    for path in [SEED, *SEED.rglob("*")]:
        if path.is_dir() and not path.is_symlink() and "/fs/" not in f"{path}/":
            path.chmod(0o755)
    result = OUT / "seed.tar"
    subprocess.run(
        [
            "tar",
            "--sort=name",
            "--mtime=@0",
            "--numeric-owner",
            "--owner=0",
            "--group=0",
            "-C",
            str(SEED),
            "-cf",
            str(result),
            ".",
        ],
        check=True,
    )
    os.chown(result, spec["owner"], -1)
    shutil.copyfile(SEED / "index.json", OUT / "index.json")
    os.chown(OUT / "index.json", spec["owner"], -1)


if __name__ == "__main__":
    main()
