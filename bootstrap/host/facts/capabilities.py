"""What this process may do, asked of the kernel."""

from __future__ import annotations

from bootstrap.host.facts.procfs import lines

CAP_SYS_PTRACE = 19
CAP_SYS_ADMIN = 21
CAP_SYS_RESOURCE = 24


def has_capability(number: int, kind: str = "CapEff") -> bool:
    """In the set of that name in /proc/self/status; `CapBnd` is what its children can have at most."""
    word = next(line.split()[1] for line in lines("/proc/self/status") if line.startswith(f"{kind}:"))
    return bool(int(word, 16) >> number & 1)


def is_writable(path: str) -> bool:
    """Opens for writing without writing: a container's /proc/sys refuses even root."""
    try:
        with open(path, "r+b"):
            return True
    except OSError:
        return False
