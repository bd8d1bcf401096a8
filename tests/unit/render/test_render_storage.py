"""The default StorageClass: only where it is asked for, with the image of the cluster's other images."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap.config import Overrides, resolve
from bootstrap.config.documents import to_bootstrap_configuration
from bootstrap.config.loader import Documents
from bootstrap.config.resolve import ANY_HOST
from bootstrap.host.kube_client import object_path
from bootstrap.model import names
from bootstrap.model.addon import LOCAL_PATH
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError
from bootstrap.render.addons.builtin import storage
from bootstrap.render.cluster.objects import own_config
from bootstrap.render.images import required
from tests.golden.rendered import manifests

ASKED = resolve(Documents(), Overrides(storage=LOCAL_PATH), ANY_HOST)
UPSTREAM = replace(ASKED, cluster=replace(ASKED.cluster, image_repository=names.UPSTREAM_REPOSITORY))


def test_nothing_is_installed_unless_it_is_asked_for() -> None:
    cfg = resolve(Documents(), Overrides(), ANY_HOST)

    assert storage(cfg, manifests()) == ()
    assert "storage" not in to_bootstrap_configuration(cfg.own)
    assert not [image for image in required.needed(cfg) if "local-path" in image]


def test_other_values_are_named() -> None:
    with pytest.raises(BootstrapError) as caught:
        resolve(Documents(), Overrides(storage="ceph"), ANY_HOST)

    assert caught.value.details == ('--storage: must be local-path or none, not "ceph"',)


def test_the_class_is_the_default_one_and_waits_for_a_pod() -> None:
    (found,) = (body for body in storage(ASKED, manifests()) if body["kind"] == "StorageClass")

    assert found["metadata"]["name"] == "standard"
    assert found["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert found["volumeBindingMode"] == "WaitForFirstConsumer"
    assert object_path(found) == "/apis/storage.k8s.io/v1/storageclasses/standard"


@pytest.mark.parametrize(
    ("cfg", "image"),
    [
        (ASKED, "localhost/bootstrap/local-path-provisioner:v0.0.30"),
        (UPSTREAM, "docker.io/rancher/local-path-provisioner:v0.0.30"),
    ],
)
def test_both_kinds_of_pods_run_one_image(cfg: ClusterConfig, image: str) -> None:
    found = {body["kind"]: body for body in storage(cfg, manifests())}

    container = found["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == image
    assert image in container["command"]
    assert f"image: {image}\n" in found["ConfigMap"]["data"]["helperPod.yaml"]
    assert image in required.needed(cfg)


def test_machines_that_join_know_of_it() -> None:
    """They may have to bring its image."""
    assert "storage: local-path" in own_config(ASKED.own)[0]["data"]["BootstrapConfiguration"]
