"""What an upgrade makes of parameters, roles and modules: the part of its outcome that is not the version itself."""

from __future__ import annotations

from dataclasses import replace

from qke_core.catalog import RoleShape, Value, catalog, parameters
from qke_core.models.settings import Settings
from qke_core.models.state import ClusterState


def upgraded(state: ClusterState, target: str) -> ClusterState:
    """Return the cluster after an upgrade to `target`, one hop.

    Parameters that the target still has keep their value, new ones get what upgraded clusters get, others go: so the
    audit policy file is lost at 3.1.0. New roles come without nodes. A cluster that was a full install keeps a full
    install.

    Rule: docs/rules/upgrade.md; QKE app repo, app/config.json (old_version_default) and the installer's configuration.
    """
    settings = _settings(state, target)
    modules = tuple(sorted({*state.modules, *_turned_on(state, target)}))
    if _turned_on(state, target):
        chosen = ",".join(word for word in _choices(target) if word in modules)
        settings = Settings(target, {**settings.values, "extra.modules": chosen})
    return replace(
        state,
        version=target,
        settings=settings,
        modules=modules if state.kubesphere else (),
        shape=_shape(state, target),
        nodes={role: state.nodes.get(role, ()) for role in _roles(target)},
    )


def _settings(state: ClusterState, target: str) -> Settings:
    old = state.settings.values
    values: dict[str, Value] = {}
    for key, parameter in parameters().env(target).items():
        new = parameter.old_version_default if parameter.old_version_default is not None else parameter.default
        values[key] = old.get(key, "" if new is None else new)
    if "extra.modules" in values:
        known = _choices(target)
        chosen = [word for word in state.settings.modules if word in known]
        values["extra.modules"] = ",".join(chosen) if "extra.modules" in old else ""
    return Settings(target, values)


def _turned_on(state: ClusterState, target: str) -> tuple[str, ...]:
    """Return the modules that an upgrade turns on by itself: all of them where the cluster was born as 1.x."""
    full = state.kubesphere and state.born_as.startswith("1.") and target in {"2.0.0", "3.0.0"}
    return _choices(target) if full else ()


def _choices(version: str) -> tuple[str, ...]:
    found = parameters().env(version).get("extra.modules")
    return () if found is None else tuple(str(word) for word in found.choices)


def _roles(version: str) -> tuple[str, ...]:
    facts = catalog()
    return tuple(role for role in facts.roles if (version, role) in facts.shapes)


def _shape(state: ClusterState, target: str) -> dict[str, RoleShape]:
    facts = catalog()
    return {
        role: state.shape.get(role) or replace(facts.default_shape(target, role), count=0) for role in _roles(target)
    }
