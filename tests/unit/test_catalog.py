"""images/catalog.yaml, the folders of its components, and what the program knows of the same minors say the same."""

from __future__ import annotations

import re
from importlib import import_module

import _common
import build_image
import pytest
from _common import IMAGES, catalog

from bootstrap.model import names
from bootstrap.model.cluster import ApiEndpoint, ClusterConfig, NodeSpec
from bootstrap.model.facts import HostFacts
from bootstrap.render.controlplane.static_pods import pods
from bootstrap.render.images.catalog import FLANNEL_TAG, KEEPALIVED_TAG, LOCAL_PATH_TAG, METALLB_TAG, MINORS
from bootstrap.render.images.required import METALLB

ENTRIES = catalog()["minors"]


def test_the_tree_is_of_the_default_minor() -> None:
    entry = ENTRIES[catalog()["default"]]

    assert catalog()["default"] == names.KUBERNETES_MINOR
    assert (entry["kubernetesVersion"], entry["builtVersion"]) == (names.KUBERNETES_VERSION, names.BUILT_VERSION)
    assert build_image.release() == build_image.RELEASE.read_text()


@pytest.mark.parametrize("minor", ENTRIES)
def test_tags_are_those_that_the_program_derives(minor: str) -> None:
    entry, known = ENTRIES[minor], MINORS[minor]
    tags = {name: image["tag"] for name, image in entry["images"].items()}
    built = entry["builtVersion"].replace("+", "_")

    assert entry["kubernetesVersion"] == known.kubernetes
    assert built == f"{known.kubernetes}_bootstrap.1"
    assert {
        tags.pop(name) for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    } == {built}
    assert tags.pop("keepalived") == KEEPALIVED_TAG == entry["packages"]["keepalived"]["version"]
    assert tags.pop("local-path-provisioner") == LOCAL_PATH_TAG == entry["parts"]["local-path-provisioner"]["version"]
    assert {tags.pop(f"metallb-{part}") for part in METALLB} == {METALLB_TAG}
    assert {entry["parts"][f"metallb-{part}"]["version"] for part in METALLB} == {METALLB_TAG}
    assert tags == {"etcd": known.etcd, "coredns": known.coredns, "pause": known.pause, "flannel": FLANNEL_TAG}
    for name, image in entry["images"].items():
        upstream = image["upstream"].rpartition(":")[2]
        assert upstream == ("" if name in entry["packages"] else image["tag"].partition("_")[0])


@pytest.mark.parametrize("minor", ENTRIES)
def test_components_are_built_from_the_versions_that_are_named(minor: str) -> None:
    for name, component in ENTRIES[minor]["components"].items():
        if component["kind"] == "c":
            continue
        required = (IMAGES / component.get("folder", name) / "go.mod").read_text()
        assert all(re.search(rf"(?m)^\s{module} v", required) for module in component.get("mains", ()))
        assert re.search(rf"(?m)\s{re.escape(component['module'])} {re.escape(component['version'])}( //|$)", required)


@pytest.mark.parametrize("wanted", ["1.36", "v1.36.3"])
def test_another_minor_of_the_catalog_is_built_by_name(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv("KUBERNETES", wanted)
    made: dict[str, str] = {}
    exec(build_image.release(), made)  # noqa: S102 - the module that the image gets

    assert (made["KUBERNETES_MINOR"], made["KUBERNETES_VERSION"]) == ("1.36", "v1.36.3")
    assert made["BUILT_VERSION"] == "v1.36.3+bootstrap.1"
    assert build_image.labels()["bootstrap.kubernetes"] == "v1.36.3+bootstrap.1"
    assert "k8s.io/kubernetes@v1.36.3" in build_image.labels()["bootstrap.components"]


def test_a_minor_that_is_not_in_the_catalog_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES", "v1.20.0")

    with pytest.raises(SystemExit, match=r"v1\.20\.0 is not in the catalog; there are .*v1\.36\.3"):
        _common.minor()


@pytest.mark.parametrize("minor", ENTRIES)
def test_what_the_programs_accept_is_recorded_for_each_minor(minor: str) -> None:
    """scripts/gen_components.py; what static Pods say by default is known to every minor."""
    recorded = import_module(f"bootstrap.model.components.v{minor.replace('.', '_')}")
    facts = HostFacts(mode="node", hostname="n")
    cfg = ClusterConfig(node=NodeSpec("n", api=ApiEndpoint("192.0.2.1")))

    for program, pod in pods(cfg, facts, {}).items():
        known = set(" ".join(recorded.FLAGS[program].values()).split())
        command = pod["spec"]["containers"][0]["command"][1:]
        assert {word.removeprefix("--").partition("=")[0] for word in command} <= known
    assert {"kubelet", "kube-proxy"} <= recorded.FLAGS.keys()
    assert "Pod" in recorded.SERVED["v1"].split()
