"""Laws of parameters: defaults fit, what is out of bounds is refused at its place, effects follow from differences."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from qke_core.catalog import Parameter, Value, by_trigger, catalog, parameter_changes, parameters
from qke_core.models import ClusterDocument, World
from qke_core.models.settings import Settings
from qke_core.rules.case import Case
from qke_core.rules.finding import Finding
from qke_core.rules.parameters import RULES, WORLD_RULES
from qke_core.rules.values import FORMS, SHOWN_MAX, check_value
from qke_core.units import render_size

VERSIONS = catalog().order
ENV = [found for version in VERSIONS for found in parameters().env(version).values()]
FLAWS = {"parameter.type", "parameter.choice", "parameter.range", "parameter.pattern", "role.memory", "role.volume"}


def wish(version: str, env: Mapping[str, object], roles: Mapping[str, object] | None = None) -> ClusterDocument:
    data = {"apiVersion": "qke/v1", "kind": "Cluster", "zone": "pek3", "name": "shop", "version": version}
    data |= {"env": env} | ({} if roles is None else {"roles": roles})
    return ClusterDocument.model_validate_json(json.dumps(data))


def findings(wished: ClusterDocument, world: World | None = None) -> list[Finding]:
    case = Case.of(wished, world)
    return [finding for rule in RULES for finding in rule(case)]


def of_type(found: Parameter) -> st.SearchStrategy[Value]:
    """Draw any value of a parameter's type, fitting or not."""
    if found.type == "integer":
        return st.integers(-1000, 100_000)
    if found.type == "boolean":
        return st.booleans()
    return st.one_of(st.just(""), st.text(max_size=30), st.from_regex(found.matcher or "", fullmatch=True))


@st.composite
def values(draw: st.DrawFn, version: str) -> dict[str, Value]:
    """Draw values for some parameters of a version: choices and numbers in bounds, any text."""
    known = parameters().env(version)
    chosen: dict[str, Value] = {}
    for key in draw(st.lists(st.sampled_from(sorted(known)), unique=True, max_size=6)):
        found = known[key]
        if found.choices and not found.multichoice:
            chosen[key] = draw(st.sampled_from(found.choices))
        elif found.minimum is not None and found.maximum is not None:
            chosen[key] = draw(st.integers(found.minimum, found.maximum))
        elif found.type == "boolean":
            chosen[key] = draw(st.booleans())
        else:
            chosen[key] = draw(st.sampled_from(["", "a: b", "c: d", "a:\n b"]))
    return chosen


@st.composite
def versions_and_two_settings(draw: st.DrawFn) -> tuple[str, dict[str, Value], dict[str, Value]]:
    version = draw(st.sampled_from(VERSIONS))
    start = Settings.resolve(version, {}).values
    before = {**start, **draw(values(version))}
    return version, before, {**before, **draw(values(version))}


# --- Values


@pytest.mark.parametrize("version", VERSIONS)
def test_every_default_passes_its_own_rules(version: str):
    known = parameters().env(version)
    written = {key: found.default for key, found in known.items() if found.default is not None}
    hidden = {key for key, found in known.items() if found.depends_on}
    plain = {key: value for key, value in written.items() if key not in hidden}
    found = [finding for finding in findings(wish(version, plain)) if finding.code != "parameter.access-key"]
    assert [(finding.code, finding.path) for finding in found] == (
        [("parameter.no-effect", ("env", "kubernetes_eip_port"))] if "kubernetes_eip_port" in known else []
    )
    for key, value in written.items():
        assert list(check_value(known[key], value)) == []


@given(found=st.sampled_from([found for found in ENV if found.maximum is not None]), data=st.data())
def test_a_number_out_of_bounds_is_refused_at_its_place(found: Parameter, data: st.DataObject):
    assert found.minimum is not None
    assert found.maximum is not None
    outside = st.one_of(st.integers(max_value=found.minimum - 1), st.integers(min_value=found.maximum + 1))
    value = data.draw(outside)
    refused = [finding for finding in findings(wish(found.version, {found.key: value})) if finding.code in FLAWS]
    assert [(finding.severity, finding.path) for finding in refused] == [("blocker", ("env", found.key))]
    assert str(value) in refused[0].sentence
    assert str(found.maximum) in refused[0].remedy


@given(found=st.sampled_from(ENV), data=st.data())
def test_a_value_is_refused_exactly_when_the_declaration_does_not_take_it(found: Parameter, data: st.DataObject):
    value = data.draw(of_type(found))
    flaws = list(check_value(found, value))
    plain = value.removesuffix("\n") if isinstance(value, str) else value
    words = [word.strip() for word in str(plain).split(",") if word.strip()] if found.multichoice else [plain]
    fits = not found.choices or all(word in found.choices for word in words)
    if found.minimum is not None and found.maximum is not None and isinstance(plain, int):
        fits = fits and found.minimum <= plain <= found.maximum
    if found.pattern and isinstance(plain, str):
        short = len(plain) < 15  # Some declared patterns take too long on longer ones.
        fits = fits and re.search(found.pattern if short else found.matcher, plain, re.ASCII) is not None
    if isinstance(plain, str) and not found.multiline:
        fits = fits and "\n" not in plain and "\r" not in plain
    if found.key != "hostnic-ipam":
        assert fits == (flaws == [])
    for flaw in flaws:
        assert flaw.code in FLAWS
        assert flaw.sentence.startswith(f"{found.key}: ")
        assert len(flaw.sentence) < SHOWN_MAX + 130


@given(version=st.sampled_from(VERSIONS), key=st.sampled_from(parameters().env_keys), value=st.text(max_size=200))
def test_any_text_for_any_parameter_is_judged_without_falling_over(version: str, key: str, value: str):
    for finding in findings(wish(version, {key: value})):
        assert finding.sentence
        assert finding.remedy
        assert finding.source
        assert finding.path[0] in {"env", "version"}


ABSENT = [
    (version, key) for version in VERSIONS for key in parameters().env_keys if key not in parameters().env(version)
]


@given(st.sampled_from(ABSENT))
def test_a_parameter_of_another_version_is_refused_and_the_right_ones_named(absent: tuple[str, str]):
    version, key = absent
    found = [finding for finding in findings(wish(version, {key: "x"})) if finding.code == "parameter.not-in-version"]
    assert [finding.path for finding in found] == [("env", key)]
    assert parameters().versions_with(key)[0] in found[0].sentence


def test_every_pattern_has_words_for_people():
    assert {found.key for found in ENV if found.pattern} <= set(FORMS)


@pytest.mark.parametrize("found", [found for found in ENV if found.pattern], ids=lambda p: f"{p.key}-{p.version}")
def test_a_pattern_answers_soon_on_a_long_text_that_does_not_fit(found: Parameter):
    """Nested repetition would take longer than the age of the world here."""
    for text in ("/" + "a" * 60 + "!", "a" * 60 + "!", "1.1.1.1 " + "a" * 60 + ",", "a." * 60 + "!", "a: b\n" * 60):
        assert isinstance(list(check_value(found, text)), list)


@pytest.mark.parametrize("version", ["1.0.0", "1.0.1"])
@given(text=st.text(alphabet="/a-._ \n", max_size=10))
@example(text="/a")
@example(text="/aa")
@example(text="/a/")
@example(text="/a//a")
def test_the_fast_pattern_takes_what_the_declared_one_takes(version: str, text: str):
    found = parameters().env(version)["kube_audit_file"]
    assert found.matcher != found.pattern
    declared, fast = (re.search(pattern, text, re.ASCII) for pattern in (found.pattern, found.matcher))
    assert (declared is None) == (fast is None)


# --- Sizes


@given(
    version=st.sampled_from(VERSIONS),
    role=st.sampled_from(["master", "node_perf", "node_super_perf"]),
    mib=st.integers(1, 3000 * 1024),
)
@example(version="2.0.0", role="master", mib=40 * 1024 + 512)
def test_disks_are_offered_in_whole_steps(version: str, role: str, mib: int):
    roles = {"master": {"count": 1}} | {role: {"count": 1, "volume": render_size(mib)}}
    refused = [finding for finding in findings(wish(version, {}, roles)) if finding.code == "role.volume"]
    offered = mib % 10_240 == 0 and 40 <= mib // 1024 <= 2000
    assert [finding.path for finding in refused] == ([] if offered else [("roles", role, "volume")])


@given(version=st.sampled_from(VERSIONS), gib=st.integers(1, 512), cpu=st.integers(1, 128))
def test_memory_and_cpu_are_offered_as_listed(version: str, gib: int, cpu: int):
    roles = {"master": {"count": 1}, "node_perf": {"count": 2, "memory": f"{gib}GiB", "cpu": cpu}}
    known = parameters().role("node_perf", version)
    expected = {
        *({("roles", "node_perf", "memory")} if gib * 1024 not in known["memory"].choices else ()),
        *({("roles", "node_perf", "cpu")} if cpu not in known["cpu"].choices else ()),
    }
    refused = {finding.path for finding in findings(wish(version, {}, roles)) if finding.severity == "blocker"}
    assert refused == expected


# --- Effects


@given(versions_and_two_settings())
def test_without_a_difference_nothing_happens(drawn: tuple[str, dict[str, Value], dict[str, Value]]):
    version, before, _ = drawn
    assert parameter_changes().effects(version, before, before) == ()
    assert parameter_changes().effects(version, before, {}) == ()


@given(versions_and_two_settings())
def test_effects_come_from_changed_and_changeable_parameters_alone(
    drawn: tuple[str, dict[str, Value], dict[str, Value]],
):
    version, before, after = drawn
    known = parameters().env(version)
    for change in parameter_changes().effects(version, before, after):
        assert known[change.key].changeable
        assert before[change.key] != after[change.key]
        assert change.version == version


@given(versions_and_two_settings())
def test_effects_stand_in_the_order_of_a_node_and_end_with_a_line_that_stops(
    drawn: tuple[str, dict[str, Value], dict[str, Value]],
):
    version, before, after = drawn
    found = parameter_changes().effects(version, before, after)
    lines = {line.name: (place, line.stops) for place, line in enumerate(parameter_changes().lines(version))}
    places = [lines[change.trigger][0] for change in found]
    assert places == sorted(places)
    assert all(not lines[change.trigger][1] for change in found if lines[change.trigger][0] != max(places))
    events = by_trigger(found)
    assert [event.trigger for event in events] == list(dict.fromkeys(change.trigger for change in found))
    assert {c for event in events for c in event.restarts} == {c for change in found for c in change.restarts}


@given(versions_and_two_settings())
def test_what_restarts_one_way_restarts_the_other_way_too(drawn: tuple[str, dict[str, Value], dict[str, Value]]):
    """A node compares what it sees; it does not matter which of two values was there first."""
    version, before, after = drawn
    there = parameter_changes().effects(version, before, after)
    back = parameter_changes().effects(version, after, before)
    assert [(change.trigger, change.key) for change in there] == [(change.trigger, change.key) for change in back]


# --- Clusters that exist


def test_what_a_world_already_has_is_no_change_in_any_version():
    for version in VERSIONS:
        known = parameters().env(version)
        env = {key: found.default for key, found in known.items() if found.default is not None and not found.depends_on}
        data = {"zone": "pek3", "clusters": [{"name": "shop", "version": version, "env": env}]}
        world = World.model_validate_json(json.dumps(data))
        codes = {finding.code for finding in findings(wish(version, env), world)}
        assert codes <= {"parameter.no-effect"}
        assert [finding for rule in WORLD_RULES for finding in rule(world)] == []


@given(version=st.sampled_from(VERSIONS), data=st.data())
def test_another_value_of_a_fixed_parameter_is_refused_at_its_place(version: str, data: st.DataObject):
    known = parameters().env(version)
    fixed = {key: found for key, found in known.items() if not found.changeable and found.default is not None}
    key = data.draw(st.sampled_from(sorted(fixed)))
    found = fixed[key]
    assume(not found.depends_on)
    others: Mapping[str, Value] = {
        "pod_subnet": "10.11.0.0/16",
        "service_subnet": "10.97.0.0/16",
        "api_external_domain": "shop.local",
        "cluster_port_range": "30000-31000",
        "kubernetes_eip_id": "eip-12345678",
        "proxy_mode": "iptables",
        "network_plugin": "flannel",
        "keep_log_days": 4,
    }
    value = not found.default if isinstance(found.default, bool) else others[key]
    world = World.model_validate_json(json.dumps({"zone": "pek3", "clusters": [{"name": "shop", "version": version}]}))
    refused = [finding for finding in findings(wish(version, {key: value}), world) if finding.severity == "blocker"]
    assert [(finding.code, finding.path) for finding in refused] == [("parameter.unchangeable", ("env", key))]
