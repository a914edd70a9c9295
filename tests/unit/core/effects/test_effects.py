"""Is every effect plain data, does it read its reply, and does every write bring a probe?"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, dataclass
from typing import Any, ClassVar, TypeVar

import pytest

import qke_core.effects
from qke_core.effects import (
    AddClusterNodes,
    All,
    CeaseCluster,
    ChangeObject,
    CloudCall,
    CloudEffect,
    ClusterNodeView,
    ClusterView,
    CreateScalingPolicy,
    DeleteCluster,
    DeleteClusterNodes,
    DeleteScalingPolicies,
    DeployCluster,
    DescribeCluster,
    DescribeClusterEnvironment,
    DescribeClusterJobs,
    DescribeClusterNodes,
    DiskFree,
    Effect,
    EnvironmentView,
    FindClusters,
    Flow,
    JobView,
    Json,
    JsonObject,
    ListJobs,
    ListNodes,
    ListScalingPolicies,
    ListUnboundClaims,
    NodePage,
    Now,
    RecoverCluster,
    ResizeCluster,
    RestartClusterService,
    RunClusterCustomService,
    Settled,
    Sleep,
    SshPort,
    StartCluster,
    StopCluster,
    Tell,
    UpdateClusterEnvironment,
    UpgradeCluster,
    list_cluster_nodes,
    perform,
    perform_all,
    perform_patiently,
)
from qke_core.effects.answer import require_answer
from qke_core.errors import InvariantError, QkeError, RefusedError, RemoteError

T = TypeVar("T")

ONE_OF_EACH: list[Callable[[], Effect[Any]]] = [
    lambda: DescribeCluster("cl-1"),
    lambda: DescribeClusterEnvironment("cl-1"),
    lambda: DescribeClusterJobs("cl-1", ("j-1",)),
    lambda: DescribeClusterNodes("cl-1", 100),
    lambda: FindClusters("shop"),
    lambda: ListJobs(("j-1",)),
    lambda: ListScalingPolicies("cl-1"),
    lambda: UpgradeCluster("cl-1", "appv-1", known_jobs=("j-1", "j-2")),
    lambda: StartCluster("cl-1", known_jobs=("j-1",)),
    lambda: StopCluster("cl-1", known_jobs=("j-1",)),
    lambda: DeleteCluster("cl-1", known_jobs=("j-1",)),
    lambda: RecoverCluster("cl-1", known_jobs=("j-1",)),
    lambda: CeaseCluster("cl-1", known_jobs=("j-1",)),
    lambda: AddClusterNodes("cl-1", "node_perf", 2, known_jobs=("j-1",)),
    lambda: DeleteClusterNodes("cl-1", ("cln-1",), known_jobs=("j-1",)),
    lambda: ResizeCluster("cl-1", "master", 8, known_jobs=("j-1",)),
    lambda: UpdateClusterEnvironment("cl-1", '{"a": 1}', known_jobs=("j-1",)),
    lambda: RestartClusterService("cl-1", "master", known_jobs=("j-1",)),
    lambda: RunClusterCustomService("cl-1", "master", "renew_certs", known_jobs=("j-1",)),
    lambda: DeployCluster("appv-1", "shop", "{}", "elastic", ("cl-1",)),
    lambda: CreateScalingPolicy("cl-1", "{}", ("asp-1",)),
    lambda: DeleteScalingPolicies("cl-1", ("asp-1",)),
    lambda: CloudCall("AllocateEips", '{"bandwidth": 1}', ("j-1",)),
    lambda: ChangeObject("cl-1", '{"verb": "cordon"}'),
    lambda: ListNodes("cl-1"),
    lambda: ListUnboundClaims("cl-1"),
    lambda: DiskFree("cl-1", "cln-1"),
    lambda: SshPort("cl-1", "cln-1"),
    lambda: Tell.of("plan", "shop", {"b": 1, "a": 2}),
    Now,
    lambda: Sleep(5),
]

JOBS: JsonObject = {
    "job_set": [
        {"job_id": "j-3", "job_action": "UpgradeClusters", "status": "working", "error_codes": ""},
        {"job_id": "j-2", "job_action": "AddClusterNodes", "status": "successful", "error_codes": None},
        {"job_id": "j-1", "job_action": "UpgradeClusters", "status": "failed", "error_codes": "150"},
    ]
}


def answered(flow: Flow[T], answer: Callable[[Effect[Any]], Json | QkeError]) -> tuple[T, list[Effect[Any]]]:
    """Run a flow on JSON answers; return its result and what it asked."""
    asked: list[Effect[Any]] = []
    sent: Any = None
    while True:
        try:
            effect = flow.throw(sent) if isinstance(sent, QkeError) else flow.send(sent)
        except StopIteration as stop:
            return stop.value, asked
        asked.append(effect)
        reply = answer(effect)
        sent = reply if isinstance(reply, QkeError) else effect.parse_reply(reply)


def effect_classes(kind: type[Effect[Any]] = Effect) -> set[type[Effect[Any]]]:
    """Return the effects of the core that have a name.

    A slotted dataclass replaces the class it decorates, and the first one lingers: only what its module holds counts.
    """
    below: set[type[Effect[Any]]] = set()
    for found in kind.__subclasses__():
        if found.name and found is getattr(sys.modules[found.__module__], found.__name__, None):
            below |= {found} if found.__module__.startswith("qke_core.") else set()
        below |= effect_classes(found)
    return below


def test_the_sample_holds_every_effect():
    assert {type(make()) for make in ONE_OF_EACH} | {All} == effect_classes()


def test_names_are_unique_and_tell_the_family():
    names = [kind.name for kind in effect_classes()]
    assert len(set(names)) == len(names)
    for kind in effect_classes():
        family = kind.__module__.rpartition(".")[2]
        if family not in {"base", "tell"}:
            assert kind.name.startswith("cloud." if family == "changes" else f"{family}.")


@pytest.mark.parametrize("make", ONE_OF_EACH, ids=lambda make: type(make()).__name__)
def test_equal_effects_give_equal_json_that_is_plain_data(make: Callable[[], Effect[Any]]):
    assert make() == make()
    assert json.dumps(make().to_json()) == json.dumps(make().to_json())
    assert make().to_json()["name"] == make().name


@pytest.mark.parametrize("make", ONE_OF_EACH, ids=lambda make: type(make()).__name__)
def test_an_effect_cannot_be_changed(make: Callable[[], Effect[Any]]):
    with pytest.raises((FrozenInstanceError, TypeError, AttributeError)):
        make().cluster_id = "cl-2"  # pyright: ignore[reportAttributeAccessIssue] - the point
    assert not hasattr(make(), "__dict__")


def test_different_arguments_give_different_json():
    assert DescribeClusterNodes("cl-1").to_json() != DescribeClusterNodes("cl-1", 100).to_json()
    assert Tell.of("a", "b", {"c": 1}).to_json() != Tell.of("a", "b", {"c": 2}).to_json()


def test_telling_equal_data_in_another_order_is_the_same_effect():
    assert Tell.of("plan", "shop", {"a": 2, "b": 1}) == Tell.of("plan", "shop", {"b": 1, "a": 2})


def test_an_effect_that_holds_no_plain_data_is_refused():
    @dataclass(frozen=True, slots=True)
    class Odd(Effect[None]):
        name: ClassVar[str] = "test.odd"
        what: object

    assert Odd((1, ("a", None))).to_json() == {"name": "test.odd", "what": [1, ["a", None]]}
    with pytest.raises(InvariantError, match="holds a set"):
        Odd({1}).to_json()


def test_side_by_side_counts_its_children():
    assert All((perform(Now()), perform(Now()))).to_json() == {"name": "all", "children": 2}
    _, asked = answered(perform_all([perform(Now())]), lambda _: [])
    assert isinstance(asked[0], All)


# --- Writes


def writes() -> list[Effect[Any]]:
    return [make() for make in ONE_OF_EACH if make().mutates]


def settled_by_looking() -> list[Effect[Any]]:
    """Return the writes that leave something to look for: not those to Kubernetes, which may be asked again."""
    return [effect for effect in writes() if isinstance(effect, CloudEffect) and not isinstance(effect, CloudCall)]


@pytest.mark.parametrize("effect", settled_by_looking(), ids=lambda effect: type(effect).__name__)
def test_the_probe_of_a_write_only_reads(effect: Effect[Any]):
    _, asked = answered(effect.probe(), lambda _: {})
    assert asked
    assert not any(question.mutates for question in asked)


def test_the_probe_of_an_upgrade_finds_the_job_that_was_not_there_before():
    effect = UpgradeCluster("cl-1", "appv-1", known_jobs=("j-1",))
    settled, asked = answered(effect.probe(), lambda _: JOBS)
    assert asked == [DescribeClusterJobs("cl-1")]
    assert settled is not None
    assert effect.parse_reply(settled.reply) == "j-3"


def test_the_probe_of_an_upgrade_takes_no_old_and_no_other_job():
    settled, _ = answered(UpgradeCluster("cl-1", "appv-1", known_jobs=("j-1", "j-3")).probe(), lambda _: JOBS)
    assert settled is None


def test_a_write_without_probe_is_our_bug():
    @dataclass(frozen=True, slots=True)
    class Careless(Effect[None]):
        name: ClassVar[str] = "test.careless"
        mutates: ClassVar[bool] = True

    with pytest.raises(InvariantError, match=r"effect\.no-probe"):
        Careless().probe()


# --- Cloud


def test_an_action_and_its_parameters_are_the_apis():
    def wire(effect: CloudEffect[Any]) -> tuple[str, JsonObject]:
        return effect.action, effect.params()

    assert wire(DescribeCluster("cl-1")) == ("DescribeClusters", {"clusters": ["cl-1"], "verbose": 1})
    assert wire(DescribeClusterEnvironment("cl-1")) == ("DescribeClusterEnvironment", {"cluster": "cl-1"})
    assert wire(DescribeClusterNodes("cl-1", 200)) == (
        "DescribeClusterNodes",
        {"cluster": "cl-1", "offset": 200, "limit": 100, "verbose": 1},
    )
    jobs = {"cluster": "cl-1", "reverse": 1, "verbose": 1, "limit": 100}
    assert wire(DescribeClusterJobs("cl-1")) == ("DescribeClusterJobs", jobs)
    assert wire(DescribeClusterJobs("cl-1", ("j-1",)))[1] == jobs | {"jobs": ["j-1"]}
    assert wire(UpgradeCluster("cl-1", "appv-1", known_jobs=())) == (
        "UpgradeClusters",
        {"clusters": ["cl-1"], "app_version": "appv-1"},
    )


def test_a_cluster_is_read_or_missing():
    item = {"cluster_id": "cl-1", "name": "shop", "app_version": "appv-1", "status": "active", "transition_status": ""}
    view = DescribeCluster("cl-1").parse_reply({"cluster_set": [item]})
    assert view == ClusterView("cl-1", "shop", "appv-1", "active", "", "")
    assert view is not None
    assert view.settled
    assert DescribeCluster("cl-1").parse_reply({"cluster_set": []}) is None
    assert DescribeCluster("cl-1").parse_reply({}) is None


@pytest.mark.parametrize(("status", "transition"), [("active", "upgrading"), ("stopped", ""), ("stopped", "starting")])
def test_a_cluster_is_settled_only_when_active_and_idle(status: str, transition: str):
    assert not ClusterView("cl-1", "shop", "appv-1", status, transition, "").settled


def test_jobs_come_oldest_first_with_their_code():
    jobs = DescribeClusterJobs("cl-1").parse_reply(JOBS)
    assert jobs == (
        JobView("j-1", "UpgradeClusters", "failed", 150),
        JobView("j-2", "AddClusterNodes", "successful", 0),
        JobView("j-3", "UpgradeClusters", "working", 0),
    )
    assert [job.finished for job in jobs] == [True, True, False]


@pytest.mark.parametrize(("codes", "first"), [("150", 150), ("", 0), ("150,151", 150), ("err_code151", 151), ("?", 0)])
def test_the_first_code_of_a_job_is_read_however_it_is_written(codes: str, first: int):
    (job,) = DescribeClusterJobs("cl-1").parse_reply({"job_set": [{"job_id": "j-1", "error_codes": codes}]})
    assert job.error_code == first


def test_parameters_are_read_from_their_present_values():
    def read(*properties: JsonObject) -> EnvironmentView:
        return DescribeClusterEnvironment("cl-1").parse_reply({"config": {"properties": list(properties)}})

    off: JsonObject = {"key": "install_kubesphere", "default": "false"}
    modules: JsonObject = {"key": "extra.modules", "default": "ks-devops,ks-logging"}
    values = {"install_kubesphere": "false", "extra.modules": "ks-devops,ks-logging"}
    assert read(off, modules) == EnvironmentView(False, ("ks-devops", "ks-logging"), values)  # noqa: FBT003 - the flag
    assert read({"key": "install_kubesphere", "default": True}).install_kubesphere
    assert read({"key": "install_kubesphere", "default": 1}).install_kubesphere
    assert read() == EnvironmentView(install_kubesphere=True, modules=())


@pytest.mark.parametrize("reply", [{"job_ids": {"cl-1": "j-9"}}, {"job_ids": {"cl-2": "j-8", "cl-1": "j-9"}}])
def test_the_job_of_an_upgrade_is_the_clusters_own(reply: JsonObject):
    assert UpgradeCluster("cl-1", "appv-1", known_jobs=()).parse_reply(reply) == "j-9"


def node_item(number: int, role: str = "node_perf") -> JsonObject:
    return {"node_id": f"cln-{number}", "role": role, "server_id": number, "status": "active", "name": f"n{number}"}


def test_a_page_of_nodes_keeps_the_apis_order_and_counts_all():
    page = DescribeClusterNodes("cl-1").parse_reply({"node_set": [node_item(2), node_item(1)], "total_count": 7})
    assert page == NodePage(
        (
            ClusterNodeView("cln-2", "", "n2", "node_perf", 2, "active", ""),
            ClusterNodeView("cln-1", "", "n1", "node_perf", 1, "active", ""),
        ),
        7,
    )
    assert DescribeClusterNodes("cl-1").parse_reply({}) == NodePage((), 0)


class Nodes:
    """A cloud that holds a list of nodes and answers pages of it."""

    def __init__(self, count: int) -> None:
        self.items = [node_item(number) for number in range(count, 0, -1)]

    def __call__(self, effect: Effect[Any]) -> Json:
        assert isinstance(effect, DescribeClusterNodes)
        params = effect.params()
        offset, limit = params["offset"], params["limit"]
        assert isinstance(offset, int)
        assert isinstance(limit, int)
        return {"node_set": self.items[offset : offset + limit], "total_count": len(self.items)}


@pytest.mark.parametrize(
    ("count", "offsets"), [(0, [0]), (1, [0]), (100, [0]), (101, [0, 100]), (200, [0, 100]), (304, [0, 100, 200, 300])]
)
def test_all_pages_are_collected_and_no_page_more(count: int, offsets: list[int]):
    nodes, asked = answered(list_cluster_nodes("cl-1"), Nodes(count))
    assert [node.sid for node in nodes] == list(range(1, count + 1))
    assert asked == [DescribeClusterNodes("cl-1", offset) for offset in offsets]


def test_a_node_that_moves_between_pages_counts_once_and_a_vanished_one_ends_the_search():
    cloud = Nodes(101)

    def shrinking(effect: Effect[Any]) -> Json:
        reply = cloud(effect)
        if effect == DescribeClusterNodes("cl-1", 0):
            cloud.items[100:] = []
        return reply

    nodes, asked = answered(list_cluster_nodes("cl-1"), shrinking)
    assert (len(nodes), len(asked)) == (100, 2)

    cloud = Nodes(101)

    def growing(effect: Effect[Any]) -> Json:
        reply = cloud(effect)
        if effect == DescribeClusterNodes("cl-1", 0):
            cloud.items.insert(0, node_item(102))
        return reply

    nodes, _ = answered(list_cluster_nodes("cl-1"), growing)
    assert [node.sid for node in nodes] == list(range(1, 102))


def test_a_total_that_no_page_fulfils_does_not_keep_us_asking():
    asked: list[Effect[Any]] = []

    def boasting(effect: Effect[Any]) -> Json:
        asked.append(effect)
        assert len(asked) < 5
        return {"node_set": [node_item(1)] if len(asked) == 1 else [], "total_count": 99}

    nodes, _ = answered(list_cluster_nodes("cl-1"), boasting)
    assert (len(nodes), len(asked)) == (1, 2)


def test_nodes_are_ordered_by_role_and_sid():
    items = [node_item(2, "node_perf"), node_item(1, "node_perf"), node_item(3, "master")]
    nodes, _ = answered(list_cluster_nodes("cl-1"), lambda _: {"node_set": items, "total_count": 3})
    assert [(node.role, node.sid) for node in nodes] == [("master", 3), ("node_perf", 1), ("node_perf", 2)]


@pytest.mark.parametrize(
    ("ret_code", "retry"), [(5000, True), (5100, True), (1400, False), (2100, False), (5300, False)]
)
def test_a_refusal_of_the_api_becomes_an_error(ret_code: int, retry: bool):  # noqa: FBT001 - a parameter of the test
    with pytest.raises(RemoteError) as caught:
        require_answer("UpgradeClusters", {"ret_code": ret_code, "message": "PermissionDenied"})
    error = caught.value
    assert (error.code, error.retry, error.in_doubt) == ("cloud.refused", retry, ret_code == 5000)
    assert error.sentence == f"UpgradeClusters was refused with ret_code {ret_code}: PermissionDenied"
    assert error.facts["ret_code"] == ret_code


def test_an_accepted_answer_is_passed_on():
    assert require_answer("DescribeClusters", {"ret_code": 0, "cluster_set": []}) == {"ret_code": 0, "cluster_set": []}


# --- Patience


def lost(*, retry: bool = True) -> RemoteError:
    return RemoteError("cloud.no-answer", "No answer", "look", retry=retry, in_doubt=True)


BUSY = RemoteError("cloud.refused", "Busy", "wait", retry=True)
NO = RemoteError("cloud.refused", "No", "stop")


class Script:
    """Answers effects of a kind from a list, one after another; pauses are counted."""

    def __init__(self, **answers: list[Json | QkeError]) -> None:
        self.answers = answers
        self.slept_ms = 0

    def __call__(self, effect: Effect[Any]) -> Json | QkeError:
        if isinstance(effect, Sleep):
            self.slept_ms += effect.duration_ms
            return None
        return self.answers[type(effect).__name__].pop(0)


UPGRADE = UpgradeCluster("cl-1", "appv-1", known_jobs=("j-1",))
STARTED: Mapping[str, Json] = {"job_ids": {"cl-1": "j-9"}}


def test_a_busy_read_is_repeated_after_a_pause():
    script = Script(ListNodes=[BUSY, BUSY, {"items": []}])
    result, _ = answered(perform_patiently(ListNodes("cl-1"), pause_ms=700), script)
    assert (result, script.slept_ms) == ((), 1_400)


def test_patience_ends_with_the_last_error_and_no_last_pause():
    script = Script(ListNodes=[BUSY, BUSY, lost()])
    with pytest.raises(RemoteError, match=r"cloud\.no-answer"):
        answered(perform_patiently(ListNodes("cl-1"), attempts=3, pause_ms=700), script)
    assert script.slept_ms == 1_400


def test_a_plain_no_is_not_repeated():
    with pytest.raises(RemoteError, match="No"):
        answered(perform_patiently(ListNodes("cl-1")), Script(ListNodes=[NO]))
    with pytest.raises(RemoteError, match="No"):
        answered(perform_patiently(UPGRADE), Script(UpgradeCluster=[NO]))


def test_another_branch_is_not_repeated():
    refused = RefusedError("a", "b", "c")
    with pytest.raises(RefusedError):
        answered(perform_patiently(ListNodes("cl-1")), Script(ListNodes=[refused]))


@pytest.mark.parametrize("retry", [True, False])
def test_a_lost_write_that_happened_is_found_and_not_repeated(retry: bool):  # noqa: FBT001 - a parameter of the test
    script = Script(UpgradeCluster=[lost(retry=retry)], DescribeClusterJobs=[JOBS])
    result, _ = answered(perform_patiently(UPGRADE), script)
    assert (result, script.slept_ms) == ("j-3", 0)


def test_a_lost_write_that_did_not_happen_is_repeated():
    script = Script(UpgradeCluster=[lost(), STARTED], DescribeClusterJobs=[{"job_set": []}])
    result, asked = answered(perform_patiently(UPGRADE), script)
    assert result == "j-9"
    assert [type(effect) for effect in asked] == [UpgradeCluster, DescribeClusterJobs, Sleep, UpgradeCluster]


def test_a_busy_write_is_repeated_without_probe():
    script = Script(UpgradeCluster=[BUSY, STARTED])
    result, asked = answered(perform_patiently(UPGRADE), script)
    assert result == "j-9"
    assert [type(effect) for effect in asked] == [UpgradeCluster, Sleep, UpgradeCluster]


def test_the_last_lost_write_is_still_probed():
    script = Script(UpgradeCluster=[lost()], DescribeClusterJobs=[JOBS])
    result, _ = answered(perform_patiently(UPGRADE, attempts=1), script)
    assert result == "j-3"


def test_no_attempts_at_all_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="at least 1"):
        answered(perform_patiently(Now(), attempts=0), lambda _: 0)


def test_a_settled_probe_carries_plain_json():
    assert json.loads(json.dumps(Settled(STARTED).reply)) == STARTED


def test_public_names_are_all_there():
    for name in qke_core.effects.__all__:
        assert hasattr(qke_core.effects, name)
