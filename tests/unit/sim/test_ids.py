"""Ids of simulated resources."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from qke_sim.ids import make_id


def test_ids_never_change_with_the_version_of_the_twin() -> None:
    assert make_id("cl", "shop") == "cl-kje2ylhl"
    assert make_id("i", "shop", "master", 1) == "i-msfszq6z"


@given(prefix=st.sampled_from(["cl", "cln", "i", "j", "lb"]), names=st.lists(st.text(max_size=8), min_size=1))
def test_an_id_has_the_form_of_the_product_and_depends_on_the_names_alone(prefix: str, names: list[str]) -> None:
    found = make_id(prefix, *names)
    assert re.fullmatch(rf"{prefix}-[0-9a-z]{{8}}", found)
    assert found == make_id(prefix, *names)


def test_things_of_a_large_world_have_different_ids() -> None:
    ids = {
        make_id("i", f"c{cluster}", role, sid)
        for cluster in range(5)
        for role in ("master", "node_perf", "node_gpu")
        for sid in range(1, 101)
    }
    assert len(ids) == 1500
