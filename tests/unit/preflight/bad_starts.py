"""Containers in which no node can start: `WRONG` by an option of the engine, `LIMITS` by a limit; docs show them."""

from __future__ import annotations

from dataclasses import replace

from bootstrap.model.errors import Exit
from bootstrap.model.facts import Inotify, Limits
from bootstrap.preflight.start import Observed

GOOD = Observed(inotify=Inotify(26, 300))
WRONG = {
    "--read-only": (
        replace(GOOD, root_read_only=True, read_only=("/etc", "/opt")),
        Exit.USAGE,
        "leave out --read-only",
    ),
    "--init": (replace(GOOD, pid1="docker-init"), Exit.USAGE, "leave out --init"),
    "--init of another engine": (replace(GOOD, pid1="catatonit"), Exit.USAGE, "leave out --init"),
    "--entrypoint": (replace(GOOD, pid1="sh"), Exit.USAGE, "leave out --entrypoint"),
    "--user": (replace(GOOD, user=1000, uncapable=("CAP_SYS_ADMIN",)), Exit.USAGE, "leave out --user"),
    "not privileged": (replace(GOOD, uncapable=("CAP_SYS_ADMIN",)), Exit.PREFLIGHT, "give --privileged"),
    "--cap-drop": (replace(GOOD, uncapable=("CAP_NET_ADMIN",)), Exit.PREFLIGHT, "CAP_NET_ADMIN"),
    "--cap-add ALL": (replace(GOOD, devices=False, sysctls=False), Exit.PREFLIGHT, "which --cap-add, --device"),
    "--cap-add ALL --device /dev/kmsg": (replace(GOOD, sysctls=False), Exit.PREFLIGHT, "/proc/sys"),
    "no cgroups": (replace(GOOD, cgroups=False), Exit.PREFLIGHT, "leave out what is mounted there"),
    "a volume that cannot be written": (
        replace(GOOD, read_only=("/var/lib/etcd",)),
        Exit.USAGE,
        ":ro at -v …:/var/lib/etcd",
    ),
    "--tmpfs /etc": (
        replace(GOOD, covered=(("/etc/passwd", "/etc"), ("/etc/systemd/system/x", "/etc"))),
        Exit.USAGE,
        "leave out --tmpfs /etc, or -v …:/etc",
    ),
    "an image that was changed": (
        replace(GOOD, covered=(("/opt/cni/bin", "/"),)),
        Exit.USAGE,
        "use it as it was built",
    ),
}
LIMITS = {
    "--pids-limit": (replace(GOOD, limits=Limits(processes=100)), "--pids-limit=-1"),
    "--ulimit": (replace(GOOD, open_files=256, can_raise=False), "--ulimit nofile=1048576"),
    "instances": (replace(GOOD, inotify=Inotify(4, 300)), "fs.inotify.max_user_instances=8192"),
    "watches": (replace(GOOD, inotify=Inotify(26, 12)), "fs.inotify.max_user_watches=524288"),
    "a raised limit that is used up": (
        replace(GOOD, inotify=Inotify(4, 300, max_instances=8192, max_watches=1 << 20)),
        "fs.inotify.max_user_instances=16384 fs.inotify.max_user_watches=2097152",
    ),
}
