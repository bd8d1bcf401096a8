"""Home directories of people."""

from __future__ import annotations

from bootstrap.host.port import HostReader

PEOPLE = range(1000, 60_000)
"""User ids that are not the distribution's (login.defs(5): UID_MIN, UID_MAX)."""


def home_directories(host: HostReader) -> tuple[str, ...]:
    """root's and those of people, without links."""
    lines = (host.read("/etc/passwd") or b"").decode(errors="replace").splitlines()
    entries = [fields for line in lines if len(fields := line.split(":")) == 7]
    found = {fields[5] for fields in entries if _is_person(fields[2]) and fields[5].strip("/")}
    return tuple(sorted(host.resolve(home) for home in found if home.startswith("/")))


def _is_person(uid: str) -> bool:
    return uid.isdigit() and (int(uid) == 0 or int(uid) in PEOPLE)
