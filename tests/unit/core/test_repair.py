"""A broken document is mended in a copy, so that checks which need a sound one can go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, cast

from pydantic import Field

from qke_core.documents import Source
from qke_core.effects import Json
from qke_core.errors import Place
from qke_core.models import DurationMs, Model, VersionName
from qke_core.repair import examine_mended


class Circle(Model):
    kind: Literal["circle"]
    radius: int


class Square(Model):
    kind: Literal["square"]
    side: int


class Step(Model):
    to: VersionName
    at: DurationMs = 0


class Sheet(Model):
    title: str
    steps: tuple[Step, ...] = ()
    shapes: tuple[Annotated[Circle | Square, Field(discriminator="kind")], ...] = ()


def source(data: object) -> Source:
    """Place every part at line = its position in a walk, so that places tell parts apart."""
    values: dict[tuple[str | int, ...], Place] = {}
    keys: dict[tuple[str | int, ...], Place] = {}

    def walk(part: object, path: tuple[str | int, ...]) -> None:
        values[path] = Place("f", len(values) + 1, 1)
        if isinstance(part, dict):
            for key, value in part.items():
                keys[*path, key] = Place("f", len(values) + 1, 2)
                walk(value, (*path, key))
        elif isinstance(part, list):
            for index, value in enumerate(part):
                walk(value, (*path, index))

    walk(data, ())
    return Source("f", cast("Json", data), values, keys)


def test_a_sound_document_is_left_as_it_is() -> None:
    whole = source({"title": "x", "steps": [{"to": "2.0.0"}]})
    examined = examine_mended(Sheet, whole)
    assert examined.document is not None
    assert (examined.problems, examined.left_out, examined.source) == ([], frozenset(), whole)


def test_mistyped_words_become_the_nearest_ones_and_their_places_stay() -> None:
    broken = source({"titel": "x", "steps": [{"to": "2.0.O", "att": "5m"}]})
    examined = examine_mended(Sheet, broken)
    assert examined.document == Sheet(title="x", steps=(Step.model_validate({"to": "2.0.0", "at": "5m"}),))
    assert {problem.code for problem in examined.problems} >= {"document.key-unknown", "version.unknown"}
    assert examined.source.place(("title",)) == broken.place(("titel",))
    assert examined.source.place(("steps", 0, "at")) == broken.place(("steps", 0, "att"))


def test_an_entry_that_cannot_be_mended_is_left_out_and_later_ones_keep_their_places() -> None:
    shapes = [{"kind": "circle"}, {"kind": "squar", "side": 2}, {"radius": 3}, {"kind": "circle", "radius": 4}]
    broken = source({"title": "x", "shapes": shapes})
    examined = examine_mended(Sheet, broken)
    assert examined.document is not None
    assert examined.document.shapes == (Square(kind="square", side=2), Circle(kind="circle", radius=4))
    assert examined.left_out == {("shapes",)}
    assert examined.source.place(("shapes", 0)) == broken.place(("shapes", 1))
    assert examined.source.place(("shapes", 1, "radius")) == broken.place(("shapes", 3, "radius"))
    assert len(examined.problems) == 3


def test_what_cannot_be_mended_at_all_gives_no_document_but_all_problems() -> None:
    examined = examine_mended(Sheet, source({"steps": [{"to": "9"}]}))
    assert examined.document is None
    assert {problem.code for problem in examined.problems} >= {"document.key-missing", "version.unknown"}


def test_the_file_itself_is_never_changed() -> None:
    data = {"titel": "x", "steps": [{"to": "2.0.O"}, {"at": 3}]}
    examine_mended(Sheet, source(data))
    assert data == {"titel": "x", "steps": [{"to": "2.0.O"}, {"at": 3}]}


class Card(Model):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] = "card"
    limits: Mapping[Literal["cpu", "memory"], int] = {}
    size: Literal["small", "large"] | None = None
    count: Annotated[int, Field(ge=0)]


def test_a_key_that_a_mapping_may_not_have_becomes_the_nearest_one() -> None:
    broken = source({"count": 1, "limits": {"cpus": 2}})
    examined = examine_mended(Card, broken)
    assert examined.document is not None
    assert examined.document.limits == {"cpu": 2}
    (problem,) = examined.problems
    assert (problem.code, problem.place) == ("document.key-unknown", broken.keys["limits", "cpus"])


def test_a_name_gets_the_form_it_should_have() -> None:
    examined = examine_mended(Card, source({"count": 1, "name": "My Card"}))
    assert examined.document is not None
    assert examined.document.name == "my-card"
    assert [problem.code for problem in examined.problems] == ["document.value"]


def test_a_part_that_need_not_be_there_is_dropped_and_one_that_must_be_ends_the_mending() -> None:
    dropped = examine_mended(Card, source({"count": 1, "size": {"huge": 1}}))
    assert dropped.document is not None
    assert dropped.document.size is None
    assert dropped.left_out == {("size",)}
    needed = examine_mended(Card, source({"count": "many"}))
    assert needed.document is None
    assert [problem.code for problem in needed.problems] == ["document.type"]
