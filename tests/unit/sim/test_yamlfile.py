"""YAML with positions: what is read, what is refused, where it stands."""

from __future__ import annotations

import math

import pytest

from qke_core.errors import InputError
from qke_sim.yamlfile import parse_one, parse_yaml


def problems(text: str) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as caught:
        parse_one(text, "f.yaml")
    return [(problem.code, str(problem.place)) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1", 1),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("-12", -12),
        ("2.0", 2.0),
        ("1e3", 1000.0),
        (".inf", math.inf),
        ("1.0.1", "1.0.1"),
        ("'1'", "1"),
        ("true", True),
        ("False", False),
        ("on", "on"),
        ("yes", "yes"),
        ("null", None),
        ("~", None),
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01T00:00:00+08:00", "2020-01-01T00:00:00+08:00"),
    ],
)
def test_scalars_are_read_as_yaml_1_2_and_dates_stay_text(written: str, read: object) -> None:
    assert parse_one(f"a: {written}\n", "f").data == {"a": read}


def test_a_folded_text_is_one_line_without_marks() -> None:
    assert parse_one("a: >-\n  one\n  two\n\n  three\n", "f").data == {"a": "one two\nthree"}


def test_keys_and_values_know_their_places() -> None:
    source = parse_one("a: 1\nb:\n  - {c: x, d: [y]}\n", "f")
    assert str(source.place(("b", 0, "d", 0))) == "f:3:16"
    assert str(source.key_place(("b", 0, "d"))) == "f:3:12"
    assert str(source.place(("b", 0, "nowhere"))) == "f:3:5"


def test_aliases_are_read_like_what_they_stand_for() -> None:
    assert parse_one("x: &a {b: 1}\ny: *a\n", "f").data == {"x": {"b": 1}, "y": {"b": 1}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\nb: 1\nb: 2\n", [("yaml.duplicate-key", "f.yaml:2:1"), ("yaml.duplicate-key", "f.yaml:4:1")]),
        ("<<: {a: 1}\nb: 2\n", [("yaml.merge", "f.yaml:1:1")]),
        ("a: !x 1\n", [("yaml.tag", "f.yaml:1:4")]),
        ("a: !!python/name:os.system 1\n", [("yaml.tag", "f.yaml:1:4")]),
        ("a: [1\n", [("yaml.syntax", "f.yaml:2:1")]),
        ("a:\n\t- 1\n", [("yaml.syntax", "f.yaml:2:1")]),
        ("", [("yaml.documents", "f.yaml:1:1")]),
        ("# nothing\n", [("yaml.documents", "f.yaml:1:1")]),
        ("a: 1\n---\nb: 1\n", [("yaml.documents", "f.yaml:1:1")]),
    ],
)
def test_what_two_readers_would_read_differently_is_refused(text: str, expected: list[tuple[str, str]]) -> None:
    assert problems(text) == expected


def test_several_documents_are_read_and_empty_ones_left_out() -> None:
    assert [source.data for source in parse_yaml("a: 1\n---\n---\nb: 2\n", "f")] == [{"a": 1}, {"b": 2}]
