"""What has to hold after a fault, asserted in words that a report can show."""

from __future__ import annotations

import yaml
from cryptography import x509

from bootstrap.model import names
from bootstrap.render.pki.keys import load_private
from tests.faults.scratch import CREDENTIAL, KEPT, Ended, Look, Scratch, masked


def is_temporary(path: str) -> bool:
    """A name that the kubelet, systemd and all others overlook, and that the next run removes."""
    name = path.rpartition("/")[2]
    return name.startswith(".") and name.endswith(".tmp")


def nothing_half(found: Look, before: Look, goal: Look) -> None:
    """Each file is as it was, as it has to be, or a whole credential."""
    for path, entry in found.items():
        if is_temporary(path) or entry[0] != "file" or path == names.JOURNAL:
            continue
        if CREDENTIAL.fullmatch(path):
            _whole(path, entry[3])
        else:
            assert entry[3] in {look[path][3] for look in (before, goal) if path in look}, f"{path} is half there"
        assert entry[1:3] in {look[path][1:3] for look in (before, goal) if path in look}, f"{path}: {entry[1]:o}"


def _whole(path: str, content: bytes) -> None:
    try:
        if path.endswith(".crt"):
            x509.load_pem_x509_certificate(content)
        elif path.endswith(".key"):
            load_private(content)
        elif path.endswith(".conf"):
            assert yaml.safe_load(content)["users"]
    except ValueError as e:
        raise AssertionError(f"{path} is half there: {e}") from e


def converges(host: Scratch, killed: Look, goal: Look, notes: object = None) -> None:
    """`init` again ends as if nothing had happened, keeps what the cluster depends on, and then rests."""
    succeeded(host.init())
    found = host.look()
    same(masked(found), masked(goal))
    for path, entry in killed.items():
        assert not KEPT.fullmatch(path) or found[path] == entry, f"{path} was replaced"
    rested = host.init()
    succeeded(rested)
    assert "changed" not in rested.output, f"not at rest: {rested.output}"
    if notes is not None:
        assert host.noted() == notes, "the journal says something else was there before"


def goes_back(host: Scratch, before: Look) -> None:
    """`reset` gives back what was there before us."""
    succeeded(host.reset())
    same(host.look(), before)


def succeeded(ended: Ended) -> None:
    assert ended.code == 0, f"exit {ended.code}: {ended.output}"


def stopped(ended: Ended, code: int, *words: str) -> None:
    """One message, with these words, and this exit code."""
    assert ended.code == code, f"exit {ended.code}: {ended.output}"
    assert ended.messages == 1 and "Traceback" not in ended.output, ended.output
    assert "next " in ended.output, ended.output
    for word in words:
        assert word in ended.output, f"no {word!r} in: {ended.output}"


def same(found: Look, wanted: Look) -> None:
    """The first differences, by path."""
    differing = [path for path in sorted(found.keys() | wanted.keys()) if found.get(path) != wanted.get(path)]
    lines = [f"{path}: {_short(found.get(path))}, not {_short(wanted.get(path))}" for path in differing[:5]]
    assert not differing, f"{len(differing)} differences: " + "; ".join(lines)


def _short(entry: tuple[str, int, tuple[int, int], bytes] | None) -> str:
    return f"{entry[0]} {entry[1]:o} {entry[2]} {entry[3][:40]!r}" if entry else "absent"
