"""Does a wrong document get one problem per mistake, each at its place, each with the nearest right word?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import pytest
from pydantic import Field

from qke_core.documents import Path, Source, render_path, validate
from qke_core.effects import Json
from qke_core.errors import InputError, Place, Problem
from qke_core.models import ClusterDocument, DurationMs, Model, SizeMib, WorldDocument

FILE = "shop.yaml"


class Crash(Model):
    kind: Literal["node.crash"]
    node: str


class Slow(Model):
    kind: Literal["cloud.slow"]
    delay: DurationMs
    action: Literal["DescribeClusters", "UpgradeClusters"] = "DescribeClusters"


class Story(Model):
    name: str
    every: DurationMs = 0
    room: SizeMib | None = None
    count: int = 1
    faults: tuple[Annotated[Crash | Slow, Field(discriminator="kind")], ...] = ()
    limits: Mapping[str, Slow] = {}


def source(data: Json) -> Source:
    """Give every part a place: its line is the order of reading, keys stand in column 1, values in column 9."""
    values: dict[Path, Place] = {}
    keys: dict[Path, Place] = {}
    for line, path in enumerate(paths(data), start=1):
        values[path] = Place(FILE, line, 9)
        keys[path] = Place(FILE, line, 1)
    return Source(FILE, data, values, keys)


def paths(data: Json, here: Path = ()) -> Iterator[Path]:
    yield here
    if isinstance(data, dict):
        for key, value in data.items():
            yield from paths(value, (*here, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from paths(value, (*here, index))


def problems(model: type[Model], data: Json) -> dict[str, Problem]:
    """Return the problems by `line:column`."""
    with pytest.raises(InputError) as caught:
        validate(model, source(data))
    return {str(problem.place).removeprefix(f"{FILE}:"): problem for problem in caught.value.problems}


def only(model: type[Model], data: Json) -> tuple[str, str, str, str]:
    """Return place, code, sentence and remedy of the one problem."""
    found = problems(model, data)
    assert len(found) == 1, found
    ((place, problem),) = found.items()
    return place, problem.code, problem.sentence, problem.remedy


def cluster(**changed: Json) -> dict[str, Json]:
    return {"apiVersion": "qke/v1", "kind": "Cluster", "name": "shop", "version": "2.0.0", "zone": "pek3"} | changed


def test_a_right_document_becomes_its_model():
    story = validate(Story, source({"name": "a", "every": "90s", "faults": [{"kind": "node.crash", "node": "m1"}]}))
    assert story.every == 90_000
    assert story.faults == (Crash(kind="node.crash", node="m1"),)
    assert validate(ClusterDocument, source(cluster())).version == "2.0.0"


def test_an_unknown_key_names_the_nearest_and_stands_at_the_key():
    assert only(ClusterDocument, cluster(expres="standard prod")) == (
        "7:1",
        "document.key-unknown",
        "There is no key 'expres' in the document",
        "did you mean 'express'?",
    )


def test_the_alias_of_a_key_is_what_is_proposed():
    data = cluster() | {"apiversion": "qke/v1"}
    del data["apiVersion"]
    assert only(ClusterDocument, data)[3] == "did you mean 'apiVersion'?"


def test_a_missing_key_is_told_at_its_parent():
    data = cluster()
    del data["zone"]
    assert only(ClusterDocument, data) == (
        "1:9",
        "document.key-missing",
        "The document lacks the key 'zone'",
        "add zone: ...",
    )
    place, _, sentence, _ = only(Story, {"name": "a", "faults": [{"kind": "node.crash"}]})
    assert (place, sentence) == ("4:9", "faults[0] lacks the key 'node'")


def test_a_number_for_a_text_gets_the_hint_to_quote_it():
    place, code, sentence, remedy = only(ClusterDocument, cluster(zone=3))
    assert (place, code) == ("6:9", "document.type")
    assert sentence == "zone: 3 has the wrong type"
    assert remedy == "write it in quotes: zone: '3'"


def test_a_version_read_as_a_number_gets_the_hint_to_quote_it():
    place, code, sentence, remedy = only(ClusterDocument, cluster(version=2.0))
    assert (place, code, sentence) == ("5:9", "version.unknown", "2.0 is not a QKE version")
    assert remedy == "write it in quotes or with three parts; did you mean '2.0.0'?"


def test_an_unknown_version_names_the_nearest():
    place, code, sentence, remedy = only(ClusterDocument, cluster(version="3.2.0"))
    assert (place, code, sentence) == ("5:9", "version.unknown", "'3.2.0' is not a QKE version")
    assert remedy == "did you mean '3.2.1'?"


def test_a_text_for_a_number_is_told_what_it_must_be():
    _, code, sentence, remedy = only(Story, {"name": "a", "count": "3"})
    assert (code, sentence, remedy) == (
        "document.type",
        'count: "3" has the wrong type',
        "it must be a valid integer",
    )


@pytest.mark.parametrize(
    ("given", "sentence", "remedy"),
    [
        (90, "90 has no unit", "write it with its unit, such as 90s, 6m or 2h"),
        ("90", "'90' is not a duration", "write 90s, 90m or 90h"),
        ("a: b", "'a: b' is not a duration", "write it like 90s, 6m or 1h30m"),
    ],
)
def test_a_duration_without_unit_is_refused(given: Json, sentence: str, remedy: str):
    assert only(Story, {"name": "a", "every": given}) == ("3:9", "document.duration", sentence, remedy)


def test_a_size_without_unit_is_refused():
    assert only(Story, {"name": "a", "room": 40}) == (
        "3:9",
        "document.size",
        "40 has no unit",
        "write it with its unit, such as 40GiB",
    )


def test_all_problems_come_at_once_in_order_of_place():
    data: Json = {"name": 1, "every": "soon", "cuont": 1, "faults": [{"kind": "node.crash"}, {"kind": "node.crsh"}]}
    with pytest.raises(InputError) as caught:
        validate(Story, source(data))
    assert [(str(p.place), p.code) for p in caught.value.problems] == [
        ("shop.yaml:2:9", "document.type"),
        ("shop.yaml:3:9", "document.duration"),
        ("shop.yaml:4:1", "document.key-unknown"),
        ("shop.yaml:6:9", "document.key-missing"),
        ("shop.yaml:9:9", "document.value-unknown"),
    ]
    assert caught.value.code == "document.type"


def test_a_wrong_kind_names_the_nearest_kind_at_its_place():
    assert only(Story, {"name": "a", "faults": [{"kind": "node.crsh", "node": "m1"}]}) == (
        "5:9",
        "document.value-unknown",
        "There is no kind 'node.crsh'",
        "did you mean 'node.crash'?",
    )


def test_an_entry_without_kind_lacks_it():
    assert only(Story, {"name": "a", "faults": [{"node": "m1"}]}) == (
        "4:9",
        "document.key-missing",
        "faults[0] lacks the key 'kind'",
        "add kind: ...",
    )


def test_a_key_of_another_kind_is_unknown_and_only_free_keys_of_this_kind_are_proposed():
    place, _, sentence, remedy = only(
        Story, {"name": "a", "faults": [{"kind": "cloud.slow", "delay": "3s", "node": "m1"}]}
    )
    assert (place, sentence) == ("7:1", "There is no key 'node' in faults[0]")
    assert remedy == "use one of: action"


def test_a_value_deep_in_a_union_stands_at_its_place():
    data: Json = {"name": "a", "faults": [{"kind": "cloud.slow", "delay": 3, "action": "UpgradeCluster"}]}
    found = problems(Story, data)
    assert [(place, problem.code) for place, problem in found.items()] == [
        ("6:9", "document.duration"),
        ("7:9", "document.value-unknown"),
    ]
    assert found["7:9"].sentence == 'action: "UpgradeCluster" is not a valid value'
    assert found["7:9"].remedy == "did you mean 'UpgradeClusters'?"


def test_a_key_inside_a_mapping_is_known_by_the_schema_of_its_values():
    data: Json = {"name": "a", "limits": {"pek3": {"kind": "cloud.slow", "delay": "3s", "acton": "x"}}}
    place, _, sentence, remedy = only(Story, data)
    assert (place, sentence, remedy) == ("7:1", "There is no key 'acton' in limits.pek3", "did you mean 'action'?")


def test_a_wrong_role_stands_at_its_key():
    place, code, sentence, remedy = only(ClusterDocument, cluster(roles={"mater": {"count": 1}}))
    assert (place, code, sentence) == ("8:1", "role.unknown", "'mater' is not a role of a QKE cluster")
    assert remedy == "did you mean 'master'?"


def test_a_problem_of_a_nested_cluster_stands_at_the_cluster():
    world: Json = {
        "kind": "World",
        "zone": "pek3",
        "clusters": [
            {"name": "shop", "version": "1.0.1", "express": "Prod"},
            {"name": "lab", "version": "1.0.1", "express": "standard prod"},
        ],
    }
    place, code, _, remedy = only(WorldDocument, world)
    assert (place, code) == ("12:9", "cluster.express-unknown")
    assert remedy == "did you mean 'Super Prod'?"


def test_a_document_that_is_no_mapping_is_refused():
    place, code, sentence, _ = only(Story, ["name"])
    assert (place, code) == ("1:9", "document.type")
    assert sentence == 'the document: ["name"] has the wrong type'


def test_a_long_value_is_cut_to_a_line():
    sentence = only(Story, {"name": "a", "count": "x" * 500})[2]
    assert sentence.endswith("... has the wrong type")
    assert len(sentence) < 100


def test_a_pattern_shows_itself():
    assert only(ClusterDocument, cluster(name="Shop"))[2] == 'name: "Shop" does not fit ^[a-z][a-z0-9-]{0,38}$'


def test_a_part_without_a_place_gets_its_parents():
    here = Source(FILE, {}, {(): Place(FILE, 1, 1), ("a",): Place(FILE, 2, 2)}, {("a",): Place(FILE, 2, 0)})
    assert here.place(("a", "b", 3)) == Place(FILE, 2, 2)
    assert here.place(("z",)) == Place(FILE, 1, 1)
    assert here.key_place(("a",)) == Place(FILE, 2, 0)
    assert here.key_place(("a", "b")) == Place(FILE, 2, 2)
    assert Source(FILE, {}).place(("a",)) == Place(FILE, 1, 1)


@pytest.mark.parametrize(
    ("path", "text"),
    [((), "the document"), (("a",), "a"), (("a", 0, "b", "c"), "a[0].b.c"), ((0, "a"), "[0].a")],
)
def test_a_path_reads_as_people_write_it(path: Path, text: str):
    assert render_path(path) == text
