"""Does the quota book say what guide and app say?"""

from __future__ import annotations

from typing import get_args

import pytest

from qke_core.catalog import Basis, catalog, quotas, storage
from qke_core.catalog.load import read_text
from qke_core.catalog.quotas import build_quotas
from qke_core.errors import InvariantError
from qke_core.models.world import ResourceType


@pytest.mark.guide("G-028", "G-030", "G-031")
def test_needs_are_those_of_the_guide():
    needs = quotas().needs
    assert needs["kubesphere"] == {"volume": 14, "volume_size_gb": 230}
    assert needs["ha"] == needs["console"] == {"loadbalancer": 1, "security_group": 1}


def test_the_app_declares_the_needs_of_all_occasions_together():
    needs = quotas().needs
    total: dict[str, int] = {}
    for occasion in ("kubesphere", "ha", "console"):
        for key, number in needs[occasion].items():
            total[key] = total.get(key, 0) + number
    assert total == needs["declared"]


@pytest.mark.guide("G-169")
def test_the_reserve_holds_a_full_kubesphere():
    count, gib = storage().kubesphere_volumes(tuple(claim.module for claim in storage().claims), linked_elk=False)
    reserve = quotas().needs["kubesphere"]
    assert count <= reserve["volume"]
    assert gib <= reserve["volume_size_gb"]


def test_profiles_name_every_resource_type_and_are_marked_as_our_choice():
    assert set(quotas().profiles) == {"basic", "enterprise"}
    for limits in quotas().profiles.values():
        assert set(limits) == set(get_args(ResourceType))
    chosen = [entry for entry in quotas().entries() if entry.name.startswith("profile")]
    assert [entry.basis for entry in chosen] == [Basis.ASSUMED, Basis.ASSUMED]


def test_the_enterprise_profile_allows_no_less_than_the_basic_one():
    basic, enterprise = quotas().profiles["basic"], quotas().profiles["enterprise"]
    assert all(basic[key] < enterprise[key] for key in basic)


@pytest.mark.guide("G-152")
def test_a_load_balancer_takes_four_eips():
    assert quotas().hard["eips_per_loadbalancer"] == 4


def test_hostnic_leaves_a_node_nics_for_itself():
    from qke_core.catalog import parameters

    found = parameters().env(catalog().order[-1])["hostnic-max-nics"]
    assert found.maximum is not None
    assert found.maximum < quotas().hard["nics_per_instance"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "ha"', 'name = "console"', "is there twice"),
        ("volume = 14", 'volume = "14"', "whole number"),
        ("value = 63", "value = 0", "at least 1"),
    ],
)
def test_a_broken_file_is_refused(old: str, new: str, problem: str):
    text = read_text("quotas.toml")
    assert old in text
    with pytest.raises(InvariantError, match=problem):
        build_quotas(text.replace(old, new, 1))
