"""Is the nearest word the one a person meant?"""

from __future__ import annotations

import pytest

from qke_core.suggest import did_you_mean, nearest

ROLES = ("master", "node_perf", "node_super_perf", "node_gpu", "client")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("mater", "master"),
        ("MASTER", "master"),
        ("node-perf", "node_perf"),
        ("clinet", "client"),
        ("gpu", "node_gpu"),
        ("zone", None),
    ],
)
def test_the_nearest_word_is_found_or_none(word: str, meant: str | None):
    assert nearest(word, ROLES) == meant


def test_of_equally_near_words_the_longest_common_beginning_wins():
    assert nearest("3.2.0", ["3.0.0", "3.2.1", "3.3.0"]) == "3.2.1"


def test_the_word_keeps_its_own_case():
    assert nearest("prod", ["DevTest", "Prod"]) == "Prod"


def test_the_order_of_the_choices_does_not_matter():
    words = ["3.1.0", "3.1.1", "3.1.1-1"]
    assert nearest("3.1.2", words) == nearest("3.1.2", reversed(words))
    assert nearest("abc", ["ABC", "abc"]) == nearest("abc", ["abc", "ABC"])


def test_a_near_word_is_proposed():
    assert did_you_mean("mater", ROLES) == "did you mean 'master'?"


def test_all_words_are_listed_in_order_when_none_is_near():
    assert did_you_mean("zzz", ["b", "a"]) == "use one of: a, b"


def test_nothing_can_be_proposed_from_nothing():
    assert did_you_mean("zzz", []) == "nothing can be named here"
