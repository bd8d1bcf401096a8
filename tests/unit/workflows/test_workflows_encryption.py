"""The key of Secrets: made once, kept, taken from the cluster that is joined, and never replaced by another one."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace

import pytest

from bootstrap.config import Documents, Overrides, resolve, to_stored
from bootstrap.config.resolve import ANY_HOST
from bootstrap.formats.yaml_reader import parse_one
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.cluster_facts import ClusterFacts, ClusterNode
from bootstrap.model.encryption import KEYED
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.cluster.uploads import shared_files
from bootstrap.render.controlplane.own import stored
from bootstrap.render.controlplane.static_pods import static_pods
from bootstrap.workflows.credentials import NOTHING
from bootstrap.workflows.encryption import check_alone, contents_of, encryption
from bootstrap.workflows.reconfigure import check_difference
from tests.memory import MemoryHost

PATH = names.ENCRYPTION_CONFIG


def config(provider: str = "secretbox") -> ClusterConfig:
    return resolve(Documents(), Overrides(encryption_provider=provider), ANY_HOST)


CFG = config()
JOINED = replace(CFG, node=replace(CFG.node, server="192.0.2.9:6443"))


def host_with(**files: bytes) -> MemoryHost:
    host = MemoryHost()
    for path, content in files.items():
        host.mkdir(path.rpartition("/")[0], 0o700)
        host.write(path, content, 0o600)
    return host


@pytest.mark.parametrize("provider", KEYED)
def test_a_key_of_32_bytes_is_made_and_identity_reads_what_was_there(provider: str) -> None:
    files = encryption(MemoryHost(), config(provider), NOTHING)
    said = parse_one(contents_of(files)[PATH])
    first, second = said["resources"][0]["providers"]

    assert [(file.path, file.mode) for file in files] == [(names.ENCRYPTION_DIR, 0o700), (PATH, 0o600)]
    assert said["resources"][0]["resources"] == ["secrets"]
    assert len(b64decode(first[provider]["keys"][0]["secret"])) == 32
    assert second == {"identity": {}}
    assert contents_of(encryption(MemoryHost(), config(provider), NOTHING))[PATH] != contents_of(files)[PATH]


def test_nothing_is_made_where_nobody_asked() -> None:
    assert encryption(MemoryHost(), resolve(Documents(), Overrides(), ANY_HOST), NOTHING) == ()


@pytest.mark.parametrize("cfg", [CFG, JOINED], ids=["init", "join"])
def test_the_one_that_is_here_stays(cfg: ClusterConfig) -> None:
    assert contents_of(encryption(host_with(**{PATH: b"mine"}), cfg, {PATH: b"theirs"}))[PATH] == b"mine"


def test_one_more_control_plane_takes_that_of_the_others_and_makes_none() -> None:
    assert contents_of(encryption(MemoryHost(), JOINED, {PATH: b"theirs"}))[PATH] == b"theirs"
    with pytest.raises(BootstrapError) as caught:
        encryption(MemoryHost(), JOINED, NOTHING)
    assert (caught.value.code, "upload-certs" in caught.value.fix) == (Exit.CONFIG, True)
    assert shared_files(CFG)["encryption-config.yaml"] == PATH


def test_one_that_was_used_and_is_gone_is_not_replaced() -> None:
    pods = {file.path: file.content for file in static_pods(CFG, ANY_HOST, {})}

    with pytest.raises(BootstrapError) as caught:
        encryption(host_with(**pods), CFG, NOTHING)
    assert caught.value.code == Exit.CONFIG


OTHERS = {
    "alone": ClusterFacts(
        "v1.37.0", nodes=(ClusterNode(CFG.node.name, "v1.37.0", control_plane=True), ClusterNode("worker", "v1.37.0"))
    ),
    "shared": ClusterFacts(
        "v1.37.0",
        nodes=(
            ClusterNode(CFG.node.name, "v1.37.0", control_plane=True),
            ClusterNode("second", "v1.37.0", control_plane=True),
        ),
    ),
    "silent": None,
}


@pytest.mark.parametrize(("facts", "fix"), [("alone", ""), ("shared", "one control plane"), ("silent", "diagnose")])
def test_it_is_not_turned_on_beside_control_planes_without_the_key(facts: str, fix: str) -> None:
    pods = {file.path: file.content for file in static_pods(CFG, ANY_HOST, {})}

    check_alone(host_with(**pods), CFG, OTHERS[facts])
    check_alone(MemoryHost(), resolve(Documents(), Overrides(), ANY_HOST), OTHERS[facts])
    if not fix:
        check_alone(MemoryHost(), CFG, OTHERS[facts])
        return
    with pytest.raises(BootstrapError) as caught:
        check_alone(MemoryHost(), CFG, OTHERS[facts])
    assert (caught.value.code, fix in caught.value.fix) == (Exit.CONFLICT, True)


def test_the_api_server_sees_the_directory_of_its_configuration_and_of_the_socket() -> None:
    kms = stored(config("kms-v2=/run/kms/s.sock"), ANY_HOST).cluster.api_server

    assert {arg.name: arg.value for arg in kms.extra_args if arg.name.startswith("encryption")} == {
        "encryption-provider-config": PATH,
        "encryption-provider-config-automatic-reload": "true",
    }
    assert {names.ENCRYPTION_DIR: True, "/run/kms": False}.items() <= {
        v.mount_path: v.read_only for v in kms.extra_volumes
    }.items()
    said = parse_one(contents_of(encryption(MemoryHost(), config("kms-v2=/run/kms/s.sock"), NOTHING))[PATH])
    assert said["resources"][0]["providers"][0]["kms"]["endpoint"] == "unix:///run/kms/s.sock"


def test_what_joined_machines_read_of_the_cluster_is_not_added_twice() -> None:
    first = stored(CFG, ANY_HOST)

    assert stored(replace(JOINED, cluster=first.cluster), ANY_HOST).cluster.api_server == first.cluster.api_server


@pytest.mark.parametrize("after", [None, "aescbc", "kms-v2=/run/kms/s.sock"])
def test_it_may_be_turned_on_later_and_then_stays(after: str | None) -> None:
    plain = resolve(Documents(), Overrides(), ANY_HOST)
    other = config(after) if after else plain

    check_difference(MemoryHost(), "host", to_stored(plain).encode(), CFG, reconfigure=True)
    with pytest.raises(BootstrapError) as caught:
        check_difference(MemoryHost(), "host", to_stored(CFG).encode(), other, reconfigure=True)
    assert (caught.value.code, "would not be read" in caught.value.fix) == (Exit.CONFLICT, True)
