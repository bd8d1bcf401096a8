"""A clock that cannot be right, by the certificates that are here: what it says goes into no new one."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509

from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.certs import describe


def require_time(now: datetime, name: str, ca: x509.Certificate, old: x509.Certificate | None = None) -> None:
    """Before `ca` signs a `name`, in the place of `old` if that was made with the right time.

    Raises BootstrapError (exit 4) when what is here says that it is another time, or the CA has ended.
    """
    signer = f"its CA ({describe(ca).common_name})"
    known = [(ca.not_valid_before_utc, signer)]
    known += [(old.not_valid_before_utc, "the one that is here")] if old else []
    begins, whose = max(known)
    if now < begins:
        raise BootstrapError(
            f"{name} is not signed: the clock says {now:%F %T} UTC, and {whose} is valid from {begins:%F %T} UTC on",
            code=Exit.PREFLIGHT,
            why="the clock is wrong, and a certificate of that time would have ended before it is used",
            fix="set the clock (timedatectl; a time service), and run the same command again; if it is right now and "
            "was wrong when these were made: bootstrap reset, and make them again",
        )
    if now >= ca.not_valid_after_utc:
        raise BootstrapError(
            f"{name} is not signed: {signer} ended on "
            f"{ca.not_valid_after_utc:%F %T} UTC, and the clock says {now:%F %T} UTC",
            code=Exit.PREFLIGHT,
            why="nobody trusts what an ended CA signs",
            fix="if the clock is wrong, set it (timedatectl); otherwise the cluster needs another CA",
        )
