"""Does the book of instances keep its word, and does a zone offer what its disks allow?"""

from __future__ import annotations

import pytest

from qke_core.catalog import catalog, compute, storage
from qke_core.catalog.compute import build_compute
from qke_core.catalog.load import read_text
from qke_core.errors import InvariantError


@pytest.mark.parametrize(
    ("name", "shape"),
    [("small_b", (1, 1024)), ("large_c", (4, 16384)), ("c8m16", (8, 16384)), ("c12m48", (12, 49152))],
)
def test_a_type_says_its_shape_or_is_written_down(name: str, shape: tuple[int, int]):
    found = compute().shape(name)
    assert found is not None
    assert (found.cpu, found.memory_mib) == shape


@pytest.mark.parametrize("name", ["", "c0m1", "c1m0", "c1", "xc1m1", "c1m1x", "tiny"])
def test_what_is_no_type_has_no_shape(name: str):
    assert compute().shape(name) is None


def test_types_that_say_their_shape_say_the_truth():
    said = {name: known for name, known in compute().types.items() if name[0] == "c"}
    assert said
    for name, known in said.items():
        assert name == f"c{known.cpu}m{known.memory_mib // 1024}"


def test_images_fit_on_the_disk_they_come_with():
    for image in compute().images.values():
        assert storage().constants["system_disk_gib"] <= image.size_gib <= compute().constants["system_disk_max_gib"]


@pytest.mark.parametrize("zone", storage().zones)
def test_a_zone_offers_what_the_newest_policy_puts_in_place_and_no_other(zone: str):
    offered, newest = set(storage().hosts_offered(zone)), catalog().order[-1]
    policy = {
        code: to
        for (version, where, what, code), to in storage().replacements.items()
        if (version, where, what) == (newest, zone, "instance_class")
    }
    assert offered
    assert set(policy.values()) <= offered
    assert not offered & set(policy)
    assert all(storage().host_types[code].preferred in storage().offered(zone) for code in offered)


@pytest.mark.parametrize("text", ["[[instance_type]]\nname = 'a'\ncpu = 0\nmemory_mib = 1\n", "[[image]]\nid = 'x'\n"])
def test_a_damaged_book_is_our_fault(text: str):
    with pytest.raises(InvariantError):
        build_compute(read_text("compute.toml") + text)
