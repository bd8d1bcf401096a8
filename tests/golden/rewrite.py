"""Rewrites tests/golden/expected from the program: `python -m tests.golden.rewrite`, then review the diff."""

from __future__ import annotations

from tests.golden.rendered import EXPECTED, names, text


def main() -> None:
    """One file a cluster; files of clusters that are gone go too."""
    for stale in EXPECTED.glob("*.txt"):
        stale.unlink()
    for name in names():
        (EXPECTED / f"{name}.txt").write_text(text(name))


if __name__ == "__main__":
    main()
