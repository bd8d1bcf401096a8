"""keepalived's configuration and its Pod."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.formats.yaml_reader import parse_one
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import Directory, File, RecordState
from bootstrap.model.errors import BootstrapError
from bootstrap.model.facts import Address, HostFacts
from bootstrap.model.journal_entry import ADDRESS
from bootstrap.phases.control_plane import ANSWERS, VIP, VIP_ANSWERS
from bootstrap.render.controlplane.keepalived import CONFIG, keepalived_files, password_of
from tests.golden.rendered import NOW, FixedKeySource, manifests
from tests.plans import new_inputs, planned

FACTS = HostFacts(
    mode="node",
    hostname="n1",
    addresses=(Address("eth1", "198.51.100.4", False), Address("eth0", "192.0.2.10", True)),
)
CFG = resolve(Documents(), Overrides(control_plane_vip="192.0.2.200"), FACTS)
PLAIN = resolve(Documents(), Overrides(), FACTS)


def with_vip(**changes: Any) -> ClusterConfig:
    assert CFG.own.control_plane_vip
    return replace(CFG, own=replace(CFG.own, control_plane_vip=replace(CFG.own.control_plane_vip, **changes)))


def files(password: str = "", **changes: Any) -> tuple[File, File]:
    cfg = with_vip(**changes)
    assert cfg.own.control_plane_vip
    return keepalived_files(cfg, cfg.own.control_plane_vip, FACTS, password)


def words(password: str = "", **changes: Any) -> list[str]:
    """The lines of the configuration, without what is between them."""
    return [" ".join(line.split()) for line in files(password, **changes)[0].content.decode().splitlines()]


def test_nobody_holds_it_whose_api_server_is_not_well() -> None:
    found = words()

    script = next(line for line in found if line.startswith("script "))
    assert "genhash -S -s 127.0.0.1 -p 6443 -u /livez" in script
    assert "444bcb3a3fcf8389296c49467f27e1d6" in script, "of `ok`"
    for line in ("state BACKUP", "nopreempt", "virtual_router_id 200", "192.0.2.200/32", "apiserver", "advert_int 0.5"):
        assert line in found
    assert "interface eth0" in found, "that of the machine's own address"
    assert "unicast_peer {" not in found


def test_what_was_asked_for_stands_there() -> None:
    found = words(interface="eth1", virtual_router_id=9, priorities={"n1": 120, "n2": 90})

    assert {"interface eth1", "virtual_router_id 9", "priority 120"} <= set(found)
    assert "priority 100" in words(priorities={"n2": 90})


def test_peers_are_all_others_and_alone_there_are_none() -> None:
    """keepalived never holds an address with unicast and nobody to tell."""
    found = words(unicast_peers=("192.0.2.10", "192.0.2.11", "192.0.2.12"))
    at = found.index("unicast_peer {")

    assert found[at - 1 : at + 4] == ["unicast_src_ip 192.0.2.10", "unicast_peer {", "192.0.2.11", "192.0.2.12", "}"]
    assert not [line for line in words(unicast_peers=("192.0.2.10",)) if "unicast" in line]


def test_a_password_is_of_the_older_vrrp_and_no_log_shows_it() -> None:
    """That one counts in whole seconds."""
    plain, secret = files()[0], files("hunter2.")[0]

    assert {"vrrp_version 2", "advert_int 1", "auth_pass hunter2."} <= set(words("hunter2."))
    assert "auth_pass" not in plain.content.decode() and "vrrp_version 3" in plain.content.decode()
    assert (plain.secret, secret.secret, secret.mode) == (False, True, 0o600)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"123456789", b"a b", b'a"b', b"a}", "\xe9".encode(), b"\xff"])
def test_a_password_that_vrrp_has_no_room_for_is_refused(content: bytes | None) -> None:
    with pytest.raises(BootstrapError, match="/p gives no password"):
        password_of(content, "/p")


def test_a_password_is_the_first_line() -> None:
    assert password_of(b"a-b_c.d1\nnot this\n", "/p") == "a-b_c.d1"


def test_the_pod_is_another_one_when_its_configuration_is() -> None:
    def digest(file: File) -> str:
        return str(parse_one(file.content)["metadata"]["annotations"][names.KEEPALIVED_CONFIG])

    digests = [digest(made) for _, made in (files(), files(interface="eth1"), files("a"), files("b"))]
    assert len(set(digests)) == 4
    assert [len(found) for found in digests] == [16, 16, 4, 4], "not enough to find a password by"


def test_the_pod_may_do_what_an_address_takes_and_no_more() -> None:
    pod = parse_one(files()[1].content)
    (container,) = pod["spec"]["containers"]

    assert pod["spec"]["hostNetwork"] is True
    assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
    assert set(container["securityContext"]["capabilities"]["add"]) >= {"NET_ADMIN", "NET_RAW"}
    assert container["volumeMounts"] == [{"mountPath": names.KEEPALIVED_DIR, "name": "config", "readOnly": True}]
    assert container["image"] == "localhost/bootstrap/keepalived:v2.3.3"


def test_nothing_of_the_start_waits_for_the_address_but_init_itself() -> None:
    steps, without = (
        {step.id: step for step in planned(new_inputs(cfg, FACTS, FixedKeySource(), NOW, manifests())).steps}
        for cfg in (CFG, PLAIN)
    )
    record, directory, *written = steps[VIP].effects

    assert (record, directory) == (RecordState(ADDRESS, "192.0.2.200"), Directory(names.KEEPALIVED_DIR, 0o700))
    assert [file.path for file in written if isinstance(file, File)] == [
        CONFIG,
        "/etc/kubernetes/manifests/keepalived.yaml",
    ]
    assert steps[VIP].after == (ANSWERS,)
    assert [step.id for step in steps.values() if {VIP, VIP_ANSWERS} & set(step.after)] == [VIP_ANSWERS]
    (wait,) = steps[VIP_ANSWERS].waits
    assert getattr(wait, "url", "") == "https://192.0.2.200:6443/livez"
    assert steps.keys() - without.keys() == {VIP, VIP_ANSWERS}
