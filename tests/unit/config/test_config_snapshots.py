"""Which schedule of snapshots is taken, and that it reaches control planes that join."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.config import Overrides, load, read_stored, resolve, to_stored
from bootstrap.config.resolve import ANY_HOST
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.host.port import ApiResponse
from bootstrap.joining.cluster import with_settings_of
from bootstrap.model.cluster import BootstrapConfig, ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.cluster.objects import own_config

EXTERNAL = {"etcd": {"external": {"endpoints": ["http://192.0.2.7:2379"]}}}


def made(count: Any, cluster: dict[str, Any]) -> ClusterConfig:
    own = {"apiVersion": "bootstrap/v1alpha1", "kind": "BootstrapConfiguration", "etcdSnapshots": count}
    upstream = {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", **cluster}
    return resolve(load(to_yaml(own, upstream).encode()), Overrides(), ANY_HOST)


def test_every_control_plane_takes_as_many() -> None:
    cfg = made(7, {})
    data = own_config(cfg.own)[0]["data"]

    class Cluster:
        def get(self, path: str) -> ApiResponse:
            return ApiResponse(200, {"data": data})

    assert read_stored(to_stored(cfg).encode()).own.etcd_snapshots == 7
    assert with_settings_of(Cluster(), BootstrapConfig()).etcd_snapshots == 7


@pytest.mark.parametrize(
    ("count", "cluster", "words"), [(-1, {}, "less than none"), ("7", {}, "integer"), (7, EXTERNAL, "external etcd")]
)
def test_what_cannot_be_is_refused(count: Any, cluster: dict[str, Any], words: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        made(count, cluster)

    assert caught.value.code == Exit.CONFIG
    assert words in "\n".join(caught.value.details)
