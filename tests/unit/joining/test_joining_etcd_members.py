"""Who is where, and in which order an etcd is told."""

from __future__ import annotations

from itertools import permutations

import pytest

from bootstrap.joining.etcd_members import (
    Member,
    member_of,
    moved,
    neighbours,
    next_update,
    redirecting,
    redirections,
)


def url(number: int) -> str:
    return f"https://10.0.0.{number}:2380"


def etcd(*numbers: int) -> list[Member]:
    return [Member(f"{i:x}", f"m{i}", (url(number),)) for i, number in enumerate(numbers, 1)]


def told(members: list[Member], urls: dict[str, tuple[str, ...]]) -> tuple[list[Member], int]:
    """What an etcd has in the end, which refuses a URL that another member has, and how often it was told."""
    count = 0
    while update := next_update(members, urls):
        member, wanted = update
        others = {u for other in members if other.id != member.id for u in other.peer_urls}
        assert not others & set(wanted), f"{member.name} cannot have {wanted}"
        members = [Member(m.id, m.name, wanted) if m.id == member.id else m for m in members]
        count += 1
        assert count < 10, "it goes round in a circle"
    return members, count


def test_both_lists_of_members_are_read() -> None:
    listed = {"ID": 10, "name": "a", "peerURLs": [url(1)], "clientURLs": ["https://10.0.0.1:2379"]}
    told_to_peers = {"id": 10, "name": "a", "peerURLs": [url(1)], "clientURLs": ["https://10.0.0.1:2379"]}

    assert (
        member_of(listed) == member_of(told_to_peers) == Member("a", "a", (url(1),), False, ("https://10.0.0.1:2379",))
    )
    assert member_of({"id": 1, "isLearner": True}) == Member("1", "", (), learner=True)


@pytest.mark.parametrize("after", permutations((1, 2, 3, 4), 3))
def test_every_exchange_ends_with_each_where_it_is(after: tuple[int, ...]) -> None:
    members, count = told(etcd(1, 2, 3), {f"m{i}": (url(number),) for i, number in enumerate(after, 1)})

    assert [m.peer_urls for m in members] == [(url(number),) for number in after]
    assert count <= 4


def test_who_is_not_found_is_nowhere_rather_than_in_the_way() -> None:
    members, _ = told(etcd(1, 2, 3), {"m1": (url(3),)})
    assert [m.peer_urls for m in members] == [(url(3),), (url(2),), ("https://3.invalid:2380",)]

    never = [*etcd(1), Member("f", "", (url(2),), learner=True)]
    members, _ = told(never, {"m1": (url(2),)})
    assert [m.peer_urls for m in members] == [(url(2),), ("https://f.invalid:2380",)]


def test_who_is_right_is_left_alone() -> None:
    assert next_update(etcd(1, 2), {"m1": (url(1),)}) is None
    assert next_update(etcd(1, 2), {}) is None


def test_connections_are_led_only_from_where_somebody_is_not() -> None:
    nowhere = Member("9", "m9", ("https://9.invalid:2380",))
    found = {"m1": "10.0.0.2", "m2": "10.0.0.2", "m9": "10.0.0.9"}

    assert redirections([*etcd(1, 2, 3), nowhere], found) == {("10.0.0.1", 2380): "10.0.0.2"}


def test_rules_replace_those_of_before() -> None:
    some = redirecting({("10.0.0.1", 2380): "10.0.0.2", ("fd00::1", 2380): "fd00::2"})

    assert some.startswith(redirecting({}))
    assert "ip daddr 10.0.0.1 tcp dport 2380 dnat ip to 10.0.0.2\n" in some
    assert "ip6 daddr fd00::1 tcp dport 2380 dnat ip6 to fd00::2\n" in some
    assert "dnat" not in redirecting({})


def test_neighbours_are_on_both_sides_and_end_with_the_addresses() -> None:
    assert {"10.0.0.1", "10.0.0.9", "10.0.0.42", "9.255.255.250"} <= set(neighbours("10.0.0.10"))
    assert len(neighbours("10.0.0.10")) == 64 and "10.0.0.10" not in neighbours("10.0.0.10")
    assert len(neighbours("255.255.255.255")) == 32
    assert "fd00::1" in neighbours("fd00::2")


def test_a_url_moves_with_its_port() -> None:
    assert moved("https://10.0.0.1:3380", "fd00::1") == "https://[fd00::1]:3380"
