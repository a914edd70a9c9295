"""What a scenario names must be there: every wrong reference is told with file, line and column, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

import pytest

from qke_core.errors import InputError, Problem
from qke_sim.scenario import SCENARIO_FILE, Story, build_story

HEAD = """\
kind: Scenario
metadata: {name: test}
world:
  zone: pek3
  clusters:
    - {name: shop, version: 1.0.1, express: Prod}
"""
"""Six lines; what a test adds begins on line 7."""

DEPLOYMENT = "kind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web}]}}}\n"
WORLD = "kind: World\nzone: pek3\nclusters:\n  - {name: shop, version: 1.0.1, express: Prod}\n"


def load(text: str, files: Mapping[str, str] | None = None, *, head: str = HEAD) -> Story:
    def read(name: str) -> str:
        if name not in (files or {}):
            raise InputError("file.missing", f"There is no file {name!r}", "check the path")
        return (files or {})[name]

    return build_story(head + dedent(text), "s.yaml", read)


def problems(text: str, files: Mapping[str, str] | None = None, *, head: str = HEAD) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        load(text, files, head=head)
    return list(caught.value.problems)


def placed(text: str, files: Mapping[str, str] | None = None, *, head: str = HEAD) -> list[tuple[str, str]]:
    return [(problem.code, str(problem.place)) for problem in problems(text, files, head=head)]


UPGRADE = "timeline: [{at: 1m, cluster: shop, upgrade: {to: 2.0.0}}]\n"

REFERENCES = [
    pytest.param(
        "timeline:\n  - {at: 1m, cluster: shap, upgrade: {to: 2.0.0}}\n",
        ("scenario.cluster-unknown", "shap, upgrade", "did you mean 'shop'?"),
        id="cluster of an action",
    ),
    pytest.param(
        "workloads:\n  - {cluster: shap, manifest: web.yaml}\n",
        ("scenario.cluster-unknown", "shap, manifest", "did you mean 'shop'?"),
        id="cluster of a workload",
    ),
    pytest.param(
        UPGRADE + "faults:\n  - {kind: node.crash, at: 1m, target: {cluster: shap, role: master, index: 1}}\n",
        ("scenario.cluster-unknown", "shap, role", "did you mean 'shop'?"),
        id="cluster of a fault",
    ),
    pytest.param(
        UPGRADE + "faults:\n  - {kind: node.crash, at: 1m, target: {cluster: shop, role: node_gpu, index: 1}}\n",
        ("scenario.node-unknown", "node_gpu,", "did you mean 'node_perf'?"),
        id="role of a fault",
    ),
    pytest.param(
        UPGRADE
        + "faults:\n  - {kind: disk.fill, at: 1m, free: 1GiB, target: {cluster: shop, role: master, index: 4}}\n",
        ("scenario.node-unknown", "4}}", "use an index from 1 to 3"),
        id="index of a fault",
    ),
    pytest.param(
        UPGRADE
        + "faults:\n  - {kind: host.slow, at: 1m, percent: 200, target: {cluster: shop, role: client, index: 2}}\n",
        ("scenario.node-unknown", "2}}", "use index 1"),
        id="index where there is one",
    ),
    pytest.param(
        UPGRADE
        + "faults:\n  - {kind: installer.slow, after: upgrade.startet, percent: 200, target: {cluster: shop}}\n",
        ("scenario.event-unknown", "upgrade.startet", "did you mean 'upgrade.started'?"),
        id="event of a fault",
    ),
    pytest.param(
        UPGRADE + "expect:\n  - {never: 'false', after: upgrad.done}\n",
        ("scenario.event-unknown", "upgrad.done", "did you mean 'upgrade.done'?"),
        id="event of an expectation",
    ),
    pytest.param(
        "timeline:\n  - {after: first.done, name: second, cluster: shop, upgrade: {to: 2.0.0}}\n"
        "  - {at: 1m, name: frist, cluster: shop, upgrade: {to: 2.0.0}}\n",
        ("scenario.event-unknown", "first.done", "did you mean 'frist.done'?"),
        id="event of an action",
    ),
    pytest.param(
        UPGRADE + "faults:\n  - {kind: operator.crash, action: upgrad, position: 1}\n",
        ("scenario.action-unknown", "upgrad,", "did you mean 'upgrade'?"),
        id="action of an operator crash",
    ),
    pytest.param(
        UPGRADE + "faults:\n  - {kind: call.fails, at: 1m, operation: UpgradeCluster}\n",
        ("scenario.action-unknown", "UpgradeCluster}", "did you mean 'UpgradeClusters'?"),
        id="action of the cloud",
    ),
    pytest.param(
        UPGRADE + "faults:\n  - {kind: call.fails, at: 1m, ret_code: 5101}\n",
        ("scenario.ret-code", "5101}", "did you mean '5100'?"),
        id="ret_code",
    ),
    pytest.param(
        UPGRADE + "expect:\n  - {always: shop.job == 1}\n",
        ("expression.unknown", "shop.job ==", "did you mean 'shop.jobs'?"),
        id="measurement of an expectation",
    ),
    pytest.param(
        UPGRADE + "expect:\n  - {always: 'true && shop.job == 1'}\n",
        ("expression.unknown", "shop.job ==", "did you mean 'shop.jobs'?"),
        id="measurement inside quotes",
    ),
    pytest.param(
        UPGRADE
        + "faults:\n  - {kind: node.crash, when: upgrad.hops > 1, target: {cluster: shop, role: master, index: 1}}\n",
        ("expression.unknown", "upgrad.hops", "did you mean 'upgrade.hops'?"),
        id="measurement of a trigger",
    ),
]


@pytest.mark.parametrize(("text", "found"), REFERENCES)
def test_a_wrong_reference_is_told_with_its_place_and_the_nearest_right_one(
    text: str, found: tuple[str, str, str]
) -> None:
    code, pointed_at, remedy = found
    (problem,) = problems(text, {"web.yaml": DEPLOYMENT})
    assert (problem.code, problem.remedy) == (code, remedy)
    assert problem.place is not None
    line = (HEAD + text).splitlines()[problem.place.line - 1]
    assert line[problem.place.column - 1 :].startswith(pointed_at)


def test_every_wrong_reference_is_told_at_once() -> None:
    text = """\
        timeline:
          - {at: 1m, cluster: shap, upgrade: {to: 2.0.0}}
        faults:
          - {kind: node.crash, after: upgrade.begun, target: {cluster: shop, role: master, index: 9}}
        expect:
          - {always: shop.job == 1}
        """
    assert {code for code, _ in placed(text)} == {
        "scenario.cluster-unknown",
        "scenario.event-unknown",
        "scenario.node-unknown",
        "expression.unknown",
    }


def test_an_installer_fault_needs_kubesphere() -> None:
    head = HEAD.replace("express: Prod", "express: Prod, env: {install_kubesphere: false}")
    faults = "faults:\n  - {kind: installer.fails, at: 1m, target: {cluster: shop}}\n"
    assert placed(faults, head=head) == [("scenario.no-kubesphere", "s.yaml:8:45")]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("timeline:\n  - {at: 1m, name: shop, cluster: shop, upgrade: {to: 2.0.0}}\n", "s.yaml:8:5"),
        (UPGRADE.replace("]", ", {at: 2m, cluster: shop, upgrade: {to: 2.0.0}}]"), "s.yaml:7:59"),
    ],
    ids=["action and cluster", "two actions"],
)
def test_two_things_of_one_name_are_refused(text: str, place: str) -> None:
    assert placed(text) == [("scenario.name-twice", place)]


def test_two_clusters_of_one_name_are_refused() -> None:
    head = HEAD + "    - {name: shop, version: 2.0.0}\n"
    assert placed("", head=head) == [("world.twice", "s.yaml:7:14")]


def test_the_worlds_own_nodes_must_be_there() -> None:
    head = HEAD.replace("express: Prod", "express: Prod, nodes: [{role: client, index: 2}]")
    assert placed("", head=head) == [("world.node-unknown", "s.yaml:6:81")]


# --- Files that a scenario names


def test_a_missing_manifest_is_told_where_it_is_named() -> None:
    assert placed("workloads:\n  - {cluster: shop, manifest: web.yaml}\n") == [("file.missing", "s.yaml:8:31")]


def test_problems_of_a_manifest_are_told_in_the_manifest() -> None:
    files = {"web.yaml": "kind: Deployment\nmetadata: {}\nspec: {replicas: x}\n"}
    found = placed("workloads:\n  - {cluster: shop, manifest: web.yaml}\n", files)
    assert found == [
        ("manifest.no-name", "web.yaml:2:11"),
        ("manifest.no-containers", "web.yaml:3:7"),
        ("manifest.replicas", "web.yaml:3:18"),
    ]


@pytest.mark.parametrize("path", ["/etc/passwd", "../web.yaml", "a/../../web.yaml"])
def test_a_path_that_leads_out_of_the_folder_is_refused_unread(path: str) -> None:
    found = placed(f"workloads:\n  - {{cluster: shop, manifest: {path}}}\n", {path: DEPLOYMENT})
    assert found == [("scenario.path", "s.yaml:8:31")]


def test_a_world_of_its_own_file_is_read_and_checked() -> None:
    head = "kind: Scenario\nmetadata: {name: test}\nworld: world.yaml\n"
    story = load(UPGRADE, {"world.yaml": WORLD}, head=head)
    assert [cluster.name for cluster in story.world.clusters] == ["shop"]
    assert set(story.files) == {SCENARIO_FILE, "world.yaml"}
    broken = {"world.yaml": WORLD.replace("1.0.1", "1.0.9")}
    assert placed(UPGRADE, broken, head=head) == [("version.unknown", "world.yaml:4:27")]
    assert placed(UPGRADE, {}, head=head) == [("file.missing", "s.yaml:3:8")]


def test_a_story_keeps_the_texts_it_is_made_of() -> None:
    text = UPGRADE + "workloads:\n  - {cluster: shop, manifest: m/web.yaml}\n"
    story = load(text, {"m/web.yaml": DEPLOYMENT})
    assert dict(story.files) == {SCENARIO_FILE: HEAD + text, "m/web.yaml": DEPLOYMENT}
    again = build_story(story.files[SCENARIO_FILE], "again.yaml", lambda name: story.files[name])
    assert again.scenario == story.scenario


def test_each_run_gets_fresh_objects() -> None:
    story = load("workloads:\n  - {cluster: shop, manifest: web.yaml}\n", {"web.yaml": DEPLOYMENT})
    first, second = story.objects()["shop"], story.objects()["shop"]
    first.workloads[0].replicas = 99
    assert second.workloads[0].replicas == 1
    assert story.objects()["shop"].workloads[0].replicas == 1


def test_one_manifest_may_run_on_two_clusters() -> None:
    head = HEAD + "    - {name: bank, version: 2.0.0, express: standard prod}\n"
    text = "workloads:\n  - {cluster: shop, manifest: w.yaml}\n  - {cluster: bank, manifest: w.yaml}\n"
    objects = load(text, {"w.yaml": DEPLOYMENT}, head=head).objects()
    assert objects["shop"].workloads[0] is not objects["bank"].workloads[0]


# --- Shapes that the model refuses


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("timeline: [{cluster: shop, upgrade: {to: 2.0.0}}]\n", "scenario.when"),
        ("timeline: [{at: 1m, after: x.done, cluster: shop, upgrade: {to: 2.0.0}}]\n", "scenario.when"),
        ("faults: [{kind: node.crash, target: {cluster: shop, role: master, index: 1}}]\n", "scenario.when"),
        ("faults: [{kind: call.fails, at: 1m, when: 'true'}]\n", "scenario.when"),
        ("expect: [{always: 'true', never: 'false'}]\n", "scenario.expectation-form"),
        ("expect: [{within: 1m}]\n", "scenario.expectation-form"),
        ("expect: [{always: 'true', within: 1m}]\n", "scenario.expectation-form"),
        ("expect: [{at_end: 'true', after: upgrade.done}]\n", "scenario.expectation-form"),
        ("start: yesterday\n", "scenario.start"),
        ("start: '2020-06-01T01:00:00'\n", "scenario.start"),
    ],
)
def test_what_contradicts_itself_is_refused(text: str, code: str) -> None:
    assert code in {found for found, _ in placed(text)}


def test_a_scenario_without_a_timeline_is_a_world_that_stands_still() -> None:
    story = load("")
    assert story.scenario.timeline == ()
    assert story.scenario.until == 48 * 3600 * 1000
