"""Network addresses that requests of ours may go to: public ones, and those that the installation allows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from openiwd.domain.errors import InvalidInputError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_NAT64: Final = ip_network("64:ff9b::/96")


def read_networks(texts: Iterable[str], field: str) -> tuple[Network, ...]:
    """Networks or single addresses from their texts; InvalidInputError naming the one that is neither."""
    found = []
    for text in texts:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError as error:
            raise InvalidInputError(
                f"'{text[:60]}' is no network",
                field=field,
                hint="write networks with a comma between them, for example 10.1.0.0/16,192.168.7.20",
            ) from error
    return tuple(found)


def read_address(text: str) -> Address | None:
    """The address, where the text is one rather than a name."""
    try:
        return ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None


def meant(address: Address) -> Address:
    """The address that a packet ends at: IPv4 that is wrapped into IPv6 is unwrapped."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether anybody on the internet may be there: not private, loopback, link-local, reserved or a group."""
    found = meant(address)
    return found.is_global and not found.is_multicast and not found.is_reserved


def is_within(address: Address, networks: Sequence[Network]) -> bool:
    """Whether one of the networks has the address."""
    found = meant(address)
    return any(found.version == n.version and found in n for n in networks)
