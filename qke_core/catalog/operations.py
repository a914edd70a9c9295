"""How operations are carried out, where versions differ: services, drains, orders, manners, what a version can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from types import MappingProxyType

from qke_core.catalog.facts import Entry, RoleKind
from qke_core.catalog.load import catalog, read_text
from qke_core.catalog.operation_facts import (
    KINDS,
    Feature,
    HealthCheck,
    ResizeManner,
    ScaleIn,
    ScaleOut,
    Service,
    ServiceName,
    WaitsForReady,
)
from qke_core.catalog.parse_operations import (
    parse_constants,
    parse_features,
    parse_health_checks,
    parse_manners,
    parse_refused,
    parse_scale_ins,
    parse_scale_outs,
    parse_services,
    parse_waits,
)
from qke_core.catalog.reader import Document


@dataclass(frozen=True, slots=True, eq=False)
class OperationBook:
    """All of it. A lookup of what is not there raises KeyError; `service` answers None for one that a role lacks."""

    scale_ins: Mapping[str, ScaleIn]
    scale_outs: Mapping[str, ScaleOut]
    manners: Mapping[tuple[RoleKind, str], ResizeManner]
    waits: Mapping[str, WaitsForReady]
    services: Mapping[tuple[str, ServiceName, str], Service]  # (role, name, version)
    refused: frozenset[tuple[str, RoleKind, str]]  # (action, kind, version)
    health_checks: Mapping[tuple[RoleKind, str], HealthCheck]
    features: Mapping[str, Feature]
    constants: Mapping[str, int]
    ledger: tuple[Entry, ...]

    def scale_in(self, version: str) -> ScaleIn:
        """Return how a version removes workers."""
        return self.scale_ins[version]

    def scale_out(self, version: str) -> ScaleOut:
        """Return how a version adds workers."""
        return self.scale_outs[version]

    def resize_manner(self, role: str, version: str) -> ResizeManner:
        """Return whether the nodes of a role are resized one after another or all at once."""
        return self.manners[catalog().roles[role].kind, version]

    def waits_for_ready(self, version: str) -> WaitsForReady:
        """Return whether a resized node must be Ready before the next one stops."""
        return self.waits[version]

    def service(self, role: str, name: ServiceName, version: str) -> Service | None:
        """Return what the platform runs on a role's nodes; None where the definition has no such service."""
        return self.services.get((role, name, version))

    def start_order(self, version: str) -> tuple[tuple[RoleKind, ...], ...]:
        """Return the kinds of roles in the order in which they start; those in one group start side by side."""
        return self._groups("start", version)

    def init_order(self, version: str) -> tuple[tuple[RoleKind, ...], ...]:
        """Return the kinds of roles in the order in which they are initialised, which happens once in a life."""
        return self._groups("init", version)

    def can(self, version: str, feature: str) -> bool:
        """Whether a version has a feature."""
        order, found = catalog().order, self.features[feature]
        last = order.index(found.until) if found.until else len(order)
        return order.index(found.since) <= order.index(version) <= last

    def allows(self, action: str, role: str, version: str) -> bool:
        """Whether the definition lets people do something to a role, such as `scale_horizontal`."""
        return (action, catalog().roles[role].kind, version) not in self.refused

    def health_check(self, role: str, version: str) -> HealthCheck | None:
        """Return how the platform watches a role's nodes; None for the client, which it does not watch."""
        return self.health_checks.get((catalog().roles[role].kind, version))

    def entries(self) -> Iterator[Entry]:
        """Return every sourced entry, for the fidelity page."""
        return iter(self.ledger)

    def _groups(self, name: ServiceName, version: str) -> tuple[tuple[RoleKind, ...], ...]:
        roles = catalog().roles
        found = sorted(
            {
                (service.order, KINDS.index(roles[role].kind))
                for (role, service_name, at), service in self.services.items()
                if (service_name, at) == (name, version)
            }
        )
        return tuple(tuple(KINDS[kind] for _, kind in group) for _, group in groupby(found, lambda pair: pair[0]))


@cache
def operations() -> OperationBook:
    """The operation book that ships with this package."""
    return build_operations(read_text("operations.toml"), catalog().order)


def build_operations(text: str, order: tuple[str, ...]) -> OperationBook:
    """Make the book from its TOML text.

    Raises:
        InvariantError: `catalog.malformed`.
    """
    document = Document("operations.toml", text)
    constants = parse_constants(document)
    return OperationBook(
        constants=MappingProxyType(constants),
        services=MappingProxyType(parse_services(document, order, constants["service_timeout_s"])),
        refused=parse_refused(document, order),
        health_checks=MappingProxyType(parse_health_checks(document, order)),
        scale_outs=MappingProxyType(parse_scale_outs(document, order)),
        scale_ins=MappingProxyType(parse_scale_ins(document, order)),
        manners=MappingProxyType(parse_manners(document, order)),
        waits=MappingProxyType(parse_waits(document, order)),
        features=MappingProxyType(parse_features(document, order)),
        ledger=document.close(),
    )
