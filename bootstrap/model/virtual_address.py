"""The address of the API that the control planes hold in turn, one at a time (VRRP)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

ROUTER_IDS = range(1, 256)
PRIORITIES = range(1, 255)
"""255 is for who owns the address (RFC 9568, 5.2.4)."""
DEFAULT_PRIORITY = 100


def canonical(address: str) -> str:
    """As the kernel and the API write it; what is no address is left alone."""
    try:
        return str(ip_address(address))
    except ValueError:
        return address


@dataclass(frozen=True)
class VirtualAddress:
    """What all control planes share. Empty: each machine's own interface, an id that follows from the address, and
    multicast, which needs no list of the others.
    """

    address: str
    interface: str = ""
    virtual_router_id: int = 0
    unicast_peers: tuple[str, ...] = ()
    password_file: str = ""
    priorities: Mapping[str, int] = field(default_factory=dict)
    """Node → priority, of those that have another than the rest."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", canonical(self.address))
        object.__setattr__(self, "unicast_peers", tuple(map(canonical, self.unicast_peers)))

    @property
    def router_id(self) -> int:
        """The last byte of the address unless it was given: clusters beside each other have different ones."""
        return self.virtual_router_id or ip_address(self.address).packed[-1] or ROUTER_IDS[-1]

    @property
    def document(self) -> dict[str, Any]:
        """As `controlPlaneVIP` says it."""
        fields = {
            "interface": self.interface,
            "virtualRouterID": self.virtual_router_id,
            "unicastPeers": list(self.unicast_peers),
            "passwordFile": self.password_file,
            "priorities": dict(self.priorities),
        }
        return {"address": self.address} | {name: value for name, value in fields.items() if value}

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> VirtualAddress:
        """What `document` gave."""
        return cls(
            str(document["address"]),
            str(document.get("interface", "")),
            int(document.get("virtualRouterID", 0)),
            tuple(map(str, document.get("unicastPeers", ()))),
            str(document.get("passwordFile", "")),
            dict(document.get("priorities", {})),
        )

    def placed_as(self, other: VirtualAddress) -> VirtualAddress:
        """With the address and the interface of another one."""
        return replace(self, address=other.address, interface=other.interface)
