"""What a run reads of the machine for the address that the control planes hold in turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.config.resolve import ANY_HOST
from bootstrap.engine import effects  # noqa: F401 - registers the kinds that the journal notes
from bootstrap.engine.journal import Journal
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import PATH
from bootstrap.model.virtual_address import VirtualAddress
from bootstrap.render.controlplane.keepalived import CONFIG
from bootstrap.workflows.inputs import stale_files, vip_password
from tests.memory import MemoryHost

PLAIN = resolve(Documents(), Overrides(), ANY_HOST)
MANIFEST = "/etc/kubernetes/manifests/keepalived.yaml"
VIP = VirtualAddress("192.0.2.200", password_file="/p")  # noqa: S106 - a path


def test_without_the_address_keepalived_goes_if_it_is_ours() -> None:
    theirs, ours = MemoryHost(), MemoryHost()
    for path in (MANIFEST, CONFIG):
        Journal(ours, "init").note(PATH, path)
        for host in (theirs, ours):
            host.mkdir(path.rpartition("/")[0], 0o700)
            host.write(path, b"x", 0o600)

    assert stale_files(ours, PLAIN, "host", ()) == (CONFIG, MANIFEST)
    assert stale_files(theirs, PLAIN, "host", ()) == ()
    assert stale_files(ours, replace(PLAIN, own=replace(PLAIN.own, control_plane_vip=VIP)), "host", ()) == ()


def test_a_password_that_is_not_there_is_asked_for() -> None:
    host, cfg = MemoryHost(), replace(PLAIN, own=replace(PLAIN.own, control_plane_vip=VIP))

    assert vip_password(host, PLAIN) == ""
    with pytest.raises(BootstrapError) as found:
        vip_password(host, cfg)
    assert (found.value.code, found.value.why) == (Exit.CONFIG, "the file is not on this machine")
    host.write("/p", b"secret\n", 0o600)
    assert vip_password(host, cfg) == "secret"
