"""What `init` gives the kubelet to log in with: passwords of the rules, before it starts."""

from __future__ import annotations

from pathlib import Path

from gen_docs import default_inputs

from bootstrap.model.effects import UnitRunning
from bootstrap.model.images.mirrors import Credentials, Endpoint, MirrorRule, Mirrors, Server
from bootstrap.phases.machine import KUBELET_FILES
from bootstrap.render.node.registry_logins import ANSWER, CONFIG
from bootstrap.workflows.inputs import kubelet_login_files
from tests.memory import MemoryHost
from tests.plans import planned


def test_the_kubelet_starts_with_the_passwords_of_the_rules(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("secret\n")
    server = Server("private.example", credentials=Credentials(username="u", password_file=str(tmp_path / "p")))
    mirrors = Mirrors((MirrorRule("ghcr.io", (Endpoint(server),)),), offline=True)
    files = kubelet_login_files(MemoryHost(), mirrors)
    plan = {step.id: step for step in planned(default_inputs(), logins=files).steps}
    (start,) = (effect for effect in plan["kubelet-start"].effects if isinstance(effect, UnitRunning))

    assert [file.path for file in files] == [CONFIG, ANSWER]
    assert files[1].content.count(b'{"password": "secret", "username": "u"}') == 2
    assert set(files) <= set(plan[KUBELET_FILES].effects)
    assert {CONFIG, ANSWER} <= set(start.uses)


def test_without_logins_there_is_no_file() -> None:
    assert (
        kubelet_login_files(MemoryHost(), Mirrors((MirrorRule("ghcr.io", (Endpoint(Server("open.example")),)),))) == ()
    )
