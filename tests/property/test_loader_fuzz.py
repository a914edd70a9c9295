"""Whatever stands in a Cluster or World file: errors with places, never a traceback, and never half a document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from qke_cli.documents import examine
from qke_core.billing import PriceBook
from qke_core.errors import InputError, Problem
from qke_core.models import ClusterDocument, WorldDocument
from qke_core.plan import plan_cluster
from qke_core.rules import check_cluster, check_world
from qke_sim.kernel import Kernel
from qke_sim.scenario import Story, build_story
from qke_sim.scenario.action import VERBS as VERB_KEYS
from qke_sim.scenario.deeds import deed_of
from qke_sim.scenario.measure import identifier
from qke_sim.yamlfile import parse_one

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
CLUSTER = (EXAMPLES / "cluster.yaml").read_text(encoding="utf-8")
WORLD = (EXAMPLES / "world.yaml").read_text(encoding="utf-8")

SCENARIO = """\
kind: Scenario
metadata: {name: fuzz, description: Everything that a timeline may do.}
world:
  zone: pek3
  quotas: {limits: {instance: 20}}
  clusters:
    - name: shop
      version: 3.3.0
      roles: {master: {count: 1}, node_perf: {count: 2}}
      env: {install_kubesphere: false}
workloads:
  - {cluster: shop, manifest: web.yaml}
timeline:
  - {at: 1m, create: {name: bank, version: 3.3.0, express: standard prod}}
  - {at: 1m, name: again, create: cluster.yaml}
  - {after: create.done, cluster: bank, add_nodes: {role: node_perf, count: 2}}
  - {after: create.done, cluster: bank, delete_nodes: {role: node_perf, sids: [1, 2]}}
  - {at: 2m, cluster: shop, resize: {role: node_perf, cpu: 8, memory: 16GiB, disk: 200GiB}}
  - {at: 3m, cluster: shop, change: {docker_bip: 172.31.0.1/16}}
  - {at: 3m, cluster: shop, modules: [ks-devops]}
  - {at: 3m, cluster: shop, eip: {key: kubernetes_eip, value: 139.198.0.1}}
  - {at: 3m, cluster: shop, custom: {service: docker_prune, role: node_perf, max_days: 3}}
  - {at: 3m, cluster: shop, restart: {role: master}, preflight: report, poll: 10s}
  - {at: 3m, cluster: shop, upgrade: {to: 3.3.0}}
  - {at: 4m, cluster: shop, stop: }
  - {at: 5m, cluster: shop, autoscaling: {role: node_perf, max: 5, increase: {conditions: [{meter: cpu, gt: 800}]}}}
  - {at: 6m, call: {action: AllocateEips, params: {bandwidth: 1}, expect_ret_code: 2500}}
  - {at: 7m, cluster: shop, scale: {workload: web, replicas: 3}}
  - {at: 7m, cluster: shop, cordon: {role: node_perf, index: 1}}
  - {at: 8m, wait: {until: shop.nodes.ready == 3, within: 5m}}
faults:
  - {kind: node.crash, at: 1m, target: {cluster: shop, role: master, index: 1}, for: 5m}
  - {kind: network.cut, after: stop.done, target: {cluster: shop, role: node_perf, index: 1}}
  - {kind: job.slow, at: 1m, resource: shop/node_perf1, percent: 300, chance: 50}
  - {kind: quota.shrinks, when: shop.nodes.ready < 3, resource: instance, to: 3}
  - {kind: zone.short, at: 1m, left: 2}
  - {kind: drain.hang, at: 1m, target: {cluster: shop}, workload: web}
  - {kind: operator.crash, action: stop, position: 3}
probes:
  - {name: door, from: internet, to: '192.168.0.2:6443'}
expect:
  - {eventually: bank.status == "active", within: 1h}
  - {at_end: quota.instance.left >= 0 && bill.total_cny > 0.0}
"""
MANIFEST = "kind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web}]}}}\n"
NEWCOMER = "kind: Cluster\nname: game\nversion: 3.3.0\nzone: pek3\nroles: {master: {count: 1}}\n"
"""A scenario that uses every key of timelines and faults, and the files it names."""

YAML = ("", "null", "-1", "0", "1e9", "99999999999999999999", "true", "[]", "{}", "[1, {a: b}]", "'", '"', "@", "*x")
RANGES = ("fd00::/64", "10.0.0.1/8", "300.1.1.1/16", "192.168.1.0/99", "172.30.0.0/16")
VERBS = (
    "shop",
    "bank",
    "create",
    "create.done",
    "stop: ",
    "null",
    "{}",
    "node.crash",
    "job.stuck",
    "2.0.0",
    "shop.jobs",
)
WORDS = ("2.0.0", "3.3.0", "1.0.0", "-1GiB", "10TiB", "5", "2GiB", "master", "node_gpu", "active", "deleted", "ceased")
JUNK = st.one_of(
    st.sampled_from([*YAML, *RANGES, *WORDS, *VERBS, "eip-x", "vxnet-y", "\u00e9\u200b"]), st.text(max_size=12)
)


@st.composite
def mutations(draw: st.DrawFn, text: str) -> str:
    """Draw a text with some lines changed: a value replaced, a key renamed, a line dropped, doubled or moved."""
    lines = text.splitlines()
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(lines) - 1))
        line = lines[place]
        match draw(st.sampled_from(["value", "inner", "key", "drop", "double", "indent", "junk"])):
            case "value":
                head, colon, _ = line.partition(":")
                lines[place] = f"{head}{colon} {draw(JUNK)}"
            case "inner":
                cut = draw(st.integers(0, len(line)))
                lines[place] = line[:cut] + draw(JUNK) + line[cut:]
            case "key":
                lines[place] = line.replace(draw(st.sampled_from("aeionrst")), draw(st.sampled_from("xyz")), 1)
            case "drop":
                lines[place] = ""
            case "double":
                lines.insert(place, line)
            case "indent":
                lines[place] = " " * draw(st.integers(0, 6)) + line.lstrip()
            case _:
                lines[place] = draw(JUNK)
    return "\n".join(lines)


def judge(cluster: str, world: str) -> None:
    """Do what `qke validate` and `qke plan` do with these texts."""
    try:
        wish = examine(parse_one(cluster, "c.yaml"), ClusterDocument)
        around = examine(parse_one(world, "w.yaml"), WorldDocument)
    except InputError:
        return  # No YAML at all.
    assert wish.document is not None or wish.problems
    assert around.document is not None or around.problems
    assert all(problem.place is not None for problem in (*wish.problems, *around.problems))
    findings = [] if around.document is None else [*check_world(around.document)]
    sound = not any(finding.severity == "blocker" for finding in findings)
    if wish.document is not None:
        findings += check_cluster(wish.document, around.document if sound else None)
    for finding in findings:
        assert finding.sentence
        assert finding.remedy
        assert finding.source
        assert str(wish.source.place(finding.path))
    if sound and not wish.problems and not around.problems and wish.document and around.document:
        planned = plan_cluster(wish.document, around.document)
        assert planned.plan is not None or planned.blockers
        if planned.plan is not None:
            json.dumps(planned.plan.to_json())


@given(mutations(CLUSTER), st.just(WORLD))
@example(CLUSTER.replace("172.29.0.1/16", "172.29.0.1"), WORLD)
def test_any_cluster_file_is_judged(cluster: str, world: str):
    judge(cluster, world)


@given(st.just(CLUSTER), mutations(WORLD))
@example(CLUSTER, WORLD.replace("192.168.1.0/24", "192.168.1.0/32"))
def test_any_world_file_is_judged(cluster: str, world: str):
    judge(cluster, world)


@given(mutations(CLUSTER), mutations(WORLD))
def test_any_pair_of_files_is_judged(cluster: str, world: str):
    judge(cluster, world)


@given(st.text(max_size=200))
def test_any_text_is_judged(text: str):
    judge(text, WORLD)
    judge(CLUSTER, text)
    with suppress(InputError):
        examine(parse_one(text, "p.yaml"), PriceBook)


def read_beside(name: str) -> str:
    """Return a file that stands beside the scenario."""
    files = {"web.yaml": MANIFEST, "cluster.yaml": NEWCOMER, "world.yaml": WORLD}
    if name not in files:
        raise InputError("file.missing", f"There is no file {name!r}", "check the path")
    return files[name]


def told(text: str) -> tuple[Story | None, Sequence[Problem]]:
    """Build a story; return it, or what is wrong with it."""
    try:
        return build_story(text, "s.yaml", read_beside), ()
    except InputError as error:
        return None, error.problems


def test_the_scenario_that_is_spoilt_is_sound():
    story, problems = told(SCENARIO)
    assert story is not None, problems


@given(mutations(SCENARIO))
@example(SCENARIO)
@example(SCENARIO.replace("name: bank", "name: shop"))
@example(SCENARIO.replace("  clusters:", "  clusters: []\n  others:"))
def test_any_scenario_file_is_a_story_or_has_errors_with_places(text: str):
    story, problems = told(text)
    assert all(problem.place is not None and problem.sentence and problem.remedy for problem in problems)
    if story is None:
        assert problems
        return
    for action in story.scenario.timeline:
        assert action.verb in VERB_KEYS
        assert (story.wish_of(action) is not None) == (action.create is not None)
        if action.create is None and action.wait is None:
            assert deed_of(action, None, "cl-1").what
    names = set(story.board(story.twin(Kernel(0))).measures)
    assert all(f"{identifier(member)}.status" in names for member in story.cast())
