"""Laws of the product's scripts as data: every step of every version is known, possible, and in the right order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qke_core.catalog import Command, RoleKind, ScriptStep, ServiceName, catalog, operations
from qke_core.units import MS_PER_S
from qke_sim.hosts import reload
from qke_sim.hosts.appctl import BEHAVIOURS

_TIMED_FIRST = {"do-nothing", "fix-kubelet-rotation", "load-bridge-images", "reset-auditing"}
TIMED = _TIMED_FIRST | {"restart-metrics-server", "write-kubelet-config"}
"""Steps that take their time and change nothing that the twin knows."""

CONDITIONS = {
    *("first-master", "other-master", "ha", "api-lb", "no-lb", "kubesphere", "hostnic", "built-in-etcd"),
    *("no-workers", "gpu", "creating", "joining", "fresh-node", "fresh-cluster", "initialised", "masters-leave"),
    *("workers-leave", "not-joined", "not-installed"),
}
SCRIPTS = sorted(catalog().scripts)
KINDS: tuple[RoleKind, ...] = get_args(RoleKind)


def steps() -> Iterator[tuple[str, str, str, ScriptStep]]:
    for (command, version, kind), script in catalog().scripts.items():
        for step in script:
            yield command, version, kind, step


def test_every_step_is_a_behaviour_that_exists_or_just_takes_time() -> None:
    assert {step.do for *_, step in steps()} - set(BEHAVIOURS) == TIMED


def test_no_behaviour_is_left_over() -> None:
    assert set(BEHAVIOURS) - {step.do for *_, step in steps()} == set(reload.STEPS)


def test_every_condition_is_a_word_that_nodes_know() -> None:
    words = {word for *_, step in steps() for word in step.only}
    assert {word for word in words if not re.fullmatch(r"from-\d.*", word)} <= CONDITIONS


def test_waits_and_durations_exist_at_their_version() -> None:
    for _, version, _, step in steps():
        if step.wait is not None:
            assert catalog().budget(step.wait, version).attempts >= 1
        if step.duration is not None:
            assert catalog().duration(step.duration).min_ms >= 0


@pytest.mark.parametrize("version", catalog().order)
def test_every_service_that_the_platform_runs_has_a_script(version: str) -> None:
    """What the definition names, the nodes can do; a check before it too."""
    for (role, name, at), service in operations().services.items():
        if at != version:
            continue
        kind = catalog().roles[role].kind
        assert catalog().has_script(cast("Command", name), version, kind), (role, name)
        if service.pre_check:
            assert catalog().has_script(cast("Command", f"{name}_check"), version, kind), (role, name)


@pytest.mark.parametrize("version", catalog().order)
def test_every_version_is_born_started_and_stopped(version: str) -> None:
    for command in cast("tuple[ServiceName, ...]", ("init", "start")):
        assert all(catalog().has_script(command, version, kind) for kind in KINDS)
    assert all(catalog().has_script("stop", version, kind) for kind in ("master", "worker"))


@given(key=st.sampled_from(SCRIPTS))
def test_the_first_master_forms_before_anybody_asks_for_the_api(key: tuple[Command, str, RoleKind]) -> None:
    names = [step.do for step in catalog().scripts[key]]
    for early, late in (
        ("mark-cluster-initialised", "kubeadm-init"),
        ("kubeadm-init", "share-join-command"),
        ("kubeadm-init", "apply-network"),
        ("apply-network", "wait-nodes-ready"),
        ("wait-nodes-ready", "apply-cloud-controller"),
        ("apply-cloud-controller", "replace-storage"),
        ("start-lb-job", "wait-lb-job"),
        ("use-lb-address", "wait-lb-certificates"),
        ("stop-services", "start-services"),
    ):
        if early in names and late in names and key[0] != "upgrade" and not key[1].startswith("1."):
            assert names.index(early) < names.index(late)


@given(key=st.sampled_from([key for key in SCRIPTS if key[0] != "upgrade"]))
def test_only_upgrades_have_phases(key: tuple[Command, str, RoleKind]) -> None:
    assert all(step.phase == "" for step in catalog().scripts[key])


def test_the_waits_that_outlast_their_service_are_those_of_the_facts() -> None:
    """1.x clients and those of 2.0.0 and 3.0.0 are cut before their wait for the installer ends; 3.1.0 fixed it."""
    found: set[str] = set()
    for version in catalog().order:
        service = operations().service("client", "start" if version.startswith("1.") else "init", version)
        name = "kubesphere-playbook" if version == "1.0.0" else "kubesphere-installer"
        assert service is not None
        if catalog().budget(name, version).worst_ms(0) > service.timeout_ms:
            found.add(version)
    assert found == {"1.0.0", "1.0.1", "2.0.0", "3.0.0"}
    assert operations().scale_in("2.0.0").drain_s * MS_PER_S + 600 * MS_PER_S > 7500 * MS_PER_S
