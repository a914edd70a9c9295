"""Every operation that a version of the product has, on a cluster that can take it: what is planned and played."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from qke_core.catalog import Parameter, Value, catalog, operations, parameter_changes, parameters
from qke_core.effects import Json
from qke_core.models import ClusterState
from qke_core.plan.diff import EIP_KEYS, MODULES_KEY
from qke_core.rules.values import check_value
from qke_sim.testing.rehearsal import EIPS, SHOP, VXNET, Rehearsal, document
from qke_sim.testing.strategies import SAMPLES

Parts: TypeAlias = Mapping[str, Json]
WORKER = "node_super_perf"
"""Workers whose host type can use the volumes of the default class."""

THREE: Mapping[str, Mapping[str, Json]] = {"master": {"count": 3}, WORKER: {"count": 3}, "client": {"count": 1}}
"""Three masters, three workers, a client: the usual cluster."""
ONE: Mapping[str, Mapping[str, Json]] = {"master": {"count": 1}, WORKER: {"count": 2}, "client": {"count": 1}}
"""One master alone, the least that every version allows."""
ALONE: Mapping[str, Mapping[str, Json]] = {
    "master": {"count": 1},
    WORKER: {"count": 0},
    "client": {"count": 0},
}
"""A single node, from 2.0.0 on."""

MORE = ("ks-devops", "ks-logging")
"""Modules to choose, each of which claims volumes."""


def repertoire(version: str) -> Iterator[Rehearsal]:
    """Yield every operation of a version; where it matters also on one master, and with and without KubeSphere."""
    shop = _Shop(version)
    yield from shop.births()
    yield from shop.scaling()
    yield from shop.sizes()
    yield from shop.parameters()
    yield from shop.addresses()
    yield from shop.power()
    yield from shop.upgrades()
    yield from shop.ends()


class _Shop:
    """The cluster `shop` at one version."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.known = parameters().env(version)
        self.modern = "extra.modules" in self.known
        self.bare = {"install_kubesphere": False} if "install_kubesphere" in self.known else {}

    def _case(self, name: str, does: Parts, wish: Parts, *, restart: str = "", **stands: Json) -> Rehearsal:
        standing = {"roles": _json(THREE), "env": self.bare, **stands}
        return Rehearsal(name, self.version, standing, wish, does, restart)

    def births(self) -> Iterator[Rehearsal]:
        """Yield creations."""
        full: Parts = {} if self.version == "1.0.0" else {"install_kubesphere": True}
        yield self._birth("create", THREE, full)
        yield self._birth("create, one master", ONE, self.bare)
        if self.modern:
            yield self._birth("create, a single node", ALONE, self.bare)
            yield self._birth("create, modules", THREE, {**full, MODULES_KEY: list(MORE)})
            yield self._birth("create, console EIP", THREE, {**full, "kubesphere_eip": EIPS[0]})

    def _birth(self, name: str, roles: Mapping[str, Mapping[str, Json]], env: Parts) -> Rehearsal:
        body: dict[str, Json] = {"roles": _json(roles), "env": dict(env), "vxnet": VXNET}
        does: Parts = {"create": {"name": SHOP, "version": self.version, **body}}
        return Rehearsal(name, self.version, None, body, does)

    def scaling(self) -> Iterator[Rehearsal]:
        """Yield what adds and deletes nodes."""
        for count in (1, 3):
            name = "add-nodes" if count == 1 else f"add-nodes, {count}"
            does: Parts = {"add_nodes": {"role": WORKER, "count": count}}
            yield self._case(name, does, _roles(**{WORKER: {"count": 3 + count}}))
        does = {"delete_nodes": {"role": WORKER, "count": 1}}
        yield self._case("delete-nodes", does, _roles(**{WORKER: {"count": 2}}))
        if operations().allows("scale_horizontal", "client", self.version):
            gone = _roles(client={"count": 0})
            absent = gone["roles"]
            yield self._case("delete-nodes, client", {"delete_nodes": {"role": "client", "count": 1}}, gone)
            does = {"add_nodes": {"role": "client", "count": 1}}
            yield self._case("add-nodes, client", does, _roles(client={"count": 1}), roles=absent)

    def sizes(self) -> Iterator[Rehearsal]:
        """Yield what gives nodes another size."""
        bigger: Parts = {"cpu": 16, "memory": "32GiB"}
        for role in ("master", WORKER):
            does: Parts = {"resize": {"role": role, **bigger}}
            yield self._case(f"resize, {role}", does, _roles(**{role: bigger}))
        yield self._case(
            "resize, one master",
            {"resize": {"role": "master", **bigger}},
            {"roles": _json({**ONE, "master": {"count": 1, **bigger}})},
            roles=_json(ONE),
        )
        does = {"resize": {"role": WORKER, "disk": "500GiB"}}
        yield self._case("resize, disks alone", does, _roles(**{WORKER: {"volume": "500GiB"}}))
        does = {"resize": {"role": WORKER, "disk": "500GiB", **bigger}}
        yield self._case("resize, disks too", does, _roles(**{WORKER: {"volume": "500GiB", **bigger}}))

    def parameters(self) -> Iterator[Rehearsal]:
        """Yield one change of a parameter for each effect that the version knows."""
        standing = self._values()
        seen: set[object] = set()
        for key, found in self.known.items():
            if not found.changeable or key in (*EIP_KEYS, MODULES_KEY):
                continue
            choices: Sequence[Value] = SAMPLES.get(key) or found.choices
            value = next((value for value in choices if _fits(found, value) and value != standing.get(key)), None)
            if value is None:
                continue
            effects = parameter_changes().effects(self.version, standing, {key: value})
            kind = tuple((change.trigger, change.restarts, change.acts_on) for change in effects)
            if kind not in seen:
                seen.add(kind)
                env: Parts = {key: value}
                yield self._case(f"change-parameters, {key}", {"change": env}, {"env": env})
        if self.modern:
            kubesphere: Parts = {"install_kubesphere": True}
            wish: Parts = {"env": {MODULES_KEY: list(MORE)}}
            yield self._case("change-modules", {"modules": list(MORE)}, wish, env=kubesphere)

    def _values(self) -> Mapping[str, Value]:
        wish = document({"version": self.version, "roles": _json(THREE), "env": self.bare})
        return ClusterState.of_wish(wish).settings.values

    def addresses(self) -> Iterator[Rehearsal]:
        """Yield what sets, changes and clears public addresses."""
        for key, values in (("kubesphere_eip", EIPS), ("kubernetes_eip", ("139.198.0.10", "139.198.0.11"))):
            if key not in self.known:
                continue
            full: Parts = {} if self.version == "1.0.0" else {"install_kubesphere": key == "kubesphere_eip"}
            for name, old, new in (("set", "", values[0]), ("changed", *values), ("cleared", values[0], "")):
                wish: Parts = {"env": {key: new}}
                does: Parts = {"eip": {"key": key, "value": new}}
                yield self._case(f"change-eip, {key} {name}", does, wish, env={**full, key: old})

    def power(self) -> Iterator[Rehearsal]:
        """Yield starts, stops and restarts."""
        for name, roles in (("", THREE), (", one master", ONE)):
            on, off, standing = {"status": "active"}, {"status": "stopped"}, _json(roles)
            yield self._case(f"stop{name}", {"stop": {}}, off, roles=standing)
            yield self._case(f"start{name}", {"start": {}}, on, roles=standing, status="stopped")
            yield self._case(f"recover{name}", {"recover": {}}, on, roles=standing, status="deleted")
            for role in ("master", WORKER):
                does: Parts = {"restart": {"role": role}}
                yield self._case(f"restart, {role}{name}", does, {}, restart=role, roles=standing)

    def upgrades(self) -> Iterator[Rehearsal]:
        """Yield the upgrades from the version, with and without KubeSphere."""
        full: Parts = {} if self.version == "1.0.0" else {"install_kubesphere": True}
        for edge in catalog().upgrades:
            if edge.origin != self.version:
                continue
            does, wish = {"upgrade": {"to": edge.target}}, {"version": edge.target}
            yield self._case(f"upgrade to {edge.target}", does, wish, env=full)
            yield self._case(f"upgrade to {edge.target}, one master", does, wish, roles=_json(ONE))

    def ends(self) -> Iterator[Rehearsal]:
        """Yield deletions for a time and for ever."""
        yield self._case("delete", {"delete": {}}, {"status": "deleted"})
        yield self._case("delete, stopped", {"delete": {}}, {"status": "deleted"}, status="stopped")
        yield self._case("cease", {"cease": {}}, {"status": "ceased"}, status="deleted")


def _fits(known: Parameter, value: Value) -> bool:
    return not any(check_value(known, value))


def _json(roles: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    return {role: dict(shape) for role, shape in roles.items()}


def _roles(**changed: Parts) -> dict[str, Json]:
    """Return the usual roles with these figures."""
    return {"roles": _json({role: {**THREE.get(role, {}), **changed.get(role, {})} for role in {**THREE, **changed}})}
