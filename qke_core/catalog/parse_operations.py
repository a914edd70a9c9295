"""Reading operations.toml, table by table; every function refuses what it does not understand."""

from __future__ import annotations

from typing import TypeVar

from qke_core.catalog.facts import RoleKind
from qke_core.catalog.load import catalog
from qke_core.catalog.operation_facts import (
    KINDS,
    After,
    Feature,
    HealthCheck,
    HealthLook,
    Refused,
    ResizeManner,
    ScaleIn,
    ScaleOut,
    Service,
    ServiceName,
    WaitsForReady,
)
from qke_core.catalog.reader import Document, Table, put_once
from qke_core.units import MS_PER_S

Order = tuple[str, ...]
_T = TypeVar("_T")

MANNERS: tuple[ResizeManner, ...] = ("rolling", "at-once")
WAITS: tuple[WaitsForReady, ...] = ("no", "unknown")
REFUSED: tuple[Refused, ...] = ("rollback", "change_instance_class", "scale_horizontal")
LOOKS: tuple[HealthLook, ...] = ("docker", "kubelet", "services", "apiserver", "ready", "certificates", "console")
AFTER: tuple[After, ...] = ("start", "stop")
SERVICES: tuple[ServiceName, ...] = (
    "init",
    "start",
    "stop",
    "restart",
    "scale_in",
    "scale_out",
    "destroy",
    "docker_prune",
    "renew_certs",
)


def parse_constants(document: Document) -> dict[str, int]:
    """Read the single numbers."""
    found: dict[str, int] = {}
    for entry in document.tables("constant", by=("name",)):
        put_once(found, entry, entry.text("name"), entry.integer("value"))
        entry.provenance()
    return found


def parse_services(document: Document, order: Order, timeout_s: int) -> dict[tuple[str, ServiceName, str], Service]:
    """Read what the platform runs; `timeout_s` where the definition gives no limit."""
    found: dict[tuple[str, ServiceName, str], Service] = {}
    for entry in document.tables("service", by=("name", "roles", "versions")):
        name = entry.choice("name", SERVICES)
        limit_s = entry.integer("timeout_s", at_least=1) if entry.has("timeout_s") else timeout_s
        service = Service(
            name,
            entry.integer("order") if entry.has("order") else 0,
            limit_s * MS_PER_S,
            entry.choice("after", AFTER) if entry.has("after") else "",
            entry.flag("pre_check", default=False),
            entry.flag("one_node", default=False),
            entry.choice("force", ("yes", "no")) == "yes" if entry.has("force") else None,
            *entry.provenance(),
        )
        versions = entry.choices("versions", order)
        for role in entry.choices("roles", tuple(catalog().roles)):
            for version in versions:
                put_once(found, entry, (role, name, version), service)
    return found


def parse_refused(document: Document, order: Order) -> frozenset[tuple[str, RoleKind, str]]:
    """Read what the definition does not let people do."""
    found: dict[tuple[str, RoleKind, str], None] = {}
    for entry in document.tables("refused", by=("action", "kinds")):
        action, versions = entry.choice("action", REFUSED), entry.choices("versions", order)
        for kind in entry.choices("kinds", KINDS):
            for version in versions:
                put_once(found, entry, (action, kind, version), None)
        entry.provenance()
    return frozenset(found)


def parse_health_checks(document: Document, order: Order) -> dict[tuple[RoleKind, str], HealthCheck]:
    """Read how the platform watches nodes."""
    found: dict[tuple[RoleKind, str], HealthCheck] = {}
    for entry in document.tables("health_check", by=("kinds", "versions")):
        check = HealthCheck(
            entry.choices("looks", LOOKS),
            entry.choices("early", LOOKS) if entry.has("early") else (),
            entry.integer("interval_s", at_least=1),
            entry.integer("timeout_s", at_least=1),
            entry.integer("action_timeout_s", at_least=1),
            entry.integer("unhealthy_after", at_least=1),
            entry.integer("healthy_after", at_least=1),
            *entry.provenance(),
        )
        versions = entry.choices("versions", order)
        for kind in entry.choices("kinds", KINDS):
            for version in versions:
                put_once(found, entry, (kind, version), check)
    return found


def parse_scale_outs(document: Document, order: Order) -> dict[str, ScaleOut]:
    """Read how workers are added."""
    found: dict[str, ScaleOut] = {}
    for entry in document.tables("scale_out", by=("versions",)):
        _for_versions(found, entry, order, ScaleOut(entry.integer("token_s"), *entry.provenance()))
    return _complete(found, document, order, "scale_out")


def parse_scale_ins(document: Document, order: Order) -> dict[str, ScaleIn]:
    """Read how workers are removed."""
    found: dict[str, ScaleIn] = {}
    for entry in document.tables("scale_in", by=("versions",)):
        fact = ScaleIn(
            entry.integer("min_workers"),
            entry.integer("attempts", at_least=1),
            entry.integer("drain_s"),
            entry.integer("delete_node_s"),
            entry.texts("flags"),
            entry.flag("uncordons", default=False),
            entry.integer_map("codes") if entry.has("codes") else {},
            *entry.provenance(),
        )
        _for_versions(found, entry, order, fact)
    return _complete(found, document, order, "scale_in")


def parse_manners(document: Document, order: Order) -> dict[tuple[RoleKind, str], ResizeManner]:
    """Read the manner of vertical scaling."""
    found: dict[tuple[RoleKind, str], ResizeManner] = {}
    for entry in document.tables("vertical", by=("kinds", "versions")):
        manner, versions = entry.choice("manner", MANNERS), entry.choices("versions", order)
        for kind in entry.choices("kinds", KINDS):
            for version in versions:
                put_once(found, entry, (kind, version), manner)
        entry.provenance()
    return found


def parse_waits(document: Document, order: Order) -> dict[str, WaitsForReady]:
    """Read whether a resized node must be Ready before the next one stops."""
    found: dict[str, WaitsForReady] = {}
    for entry in document.tables("resize_wait", by=("versions",)):
        _for_versions(found, entry, order, entry.choice("waits_for_ready", WAITS))
        entry.provenance()
    return _complete(found, document, order, "resize_wait")


def parse_features(document: Document, order: Order) -> dict[str, Feature]:
    """Read what versions can do."""
    found: dict[str, Feature] = {}
    for entry in document.tables("feature", by=("name",)):
        name, since = entry.text("name"), entry.choice("since", order)
        until = entry.choice("until", order) if entry.has("until") else ""
        if until and order.index(until) < order.index(since):
            raise entry.error(f"until {until} is before since {since}")
        put_once(found, entry, name, Feature(name, since, until, *entry.provenance()))
    return found


def _for_versions(found: dict[str, _T], entry: Table, order: Order, fact: _T) -> None:
    for version in entry.choices("versions", order):
        put_once(found, entry, version, fact)


def _complete(found: dict[str, _T], document: Document, order: Order, what: str) -> dict[str, _T]:
    """Refuse a table that leaves a version out."""
    missing = [version for version in order if version not in found]
    if missing:
        raise document.error(f"no {what} for {', '.join(missing)}")
    return found
