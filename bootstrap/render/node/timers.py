"""Units of systemd that run the program later, when no container of ours is there (docs/adr/0017, 0019)."""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.model import names
from bootstrap.model.effects import File
from bootstrap.render.node.host import UNITS

_ENTERED = f"RootDirectory={names.HOST_PROGRAM}\nMountAPIVFS=yes\nBindPaths=/:/host\n"
"""As `docker run -v /:/host` does; PID 1 and the network are the host's own there."""


@dataclass(frozen=True)
class Timer:
    """`words` are what the program is run with, once a day and soon after a boot."""

    name: str
    description: str
    words: str

    @property
    def unit(self) -> str:
        return f"{self.name}.timer"

    @property
    def service(self) -> str:
        return f"{self.name}.service"


RENEWAL = Timer(
    names.RENEWAL,
    "Renewal of Kubernetes' certificates with less than a third of their life left",
    "certs renew all --due",
)


def snapshots(keep: int) -> Timer:
    """Of which the newest `keep` stay."""
    return Timer(names.SNAPSHOTS, "Snapshot of Kubernetes' etcd", f"etcd snapshot save --keep {keep}")


APPROVER = f"{names.APPROVER}.service"


def approver_file(mode: str) -> File:
    """The unit that approves what kubelets serve with, for as long as this control plane runs.

    It is idle but for a node that joins and a rotation, and its memory is the program's.
    """
    content = f"""\
[Unit]
Description=Approval of kubelets' serving certificates, made by bootstrap
StartLimitIntervalSec=0

[Service]
Environment=LC_ALL=C.UTF-8
{_ENTERED if mode == "host" else ""}ExecStart=/usr/bin/bootstrap {" ".join(names.APPROVER_WORDS)}
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
"""
    return File(f"{UNITS}/{APPROVER}", content.encode())


def timer_files(timer: Timer, mode: str) -> tuple[File, File]:
    """The unit that runs the program, and the one that says when.

    Several control planes that are started at once do not restart their API servers at once.
    """
    service = f"""\
[Unit]
Description={timer.description}, made by bootstrap

[Service]
Type=oneshot
Environment=LC_ALL=C.UTF-8
{_ENTERED if mode == "host" else ""}ExecStart=/usr/bin/bootstrap {timer.words}
"""
    when = f"""\
[Unit]
Description={timer.description}, made by bootstrap

[Timer]
OnActiveSec=2min
OnUnitActiveSec=1d
RandomizedDelaySec=30min

[Install]
WantedBy=timers.target
"""
    return File(f"{UNITS}/{timer.service}", service.encode()), File(f"{UNITS}/{timer.unit}", when.encode())
