"""Laws of certificates and nights, over ages and versions: who renews in time never sees one end."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qke_core.catalog import catalog
from qke_core.models import World
from qke_sim.hosts.certificates import left_ms
from qke_sim.hosts.mishaps import end_certificates
from qke_sim.hosts.site import Site
from qke_sim.hosts.timers import DAY_MS, first_divided, next_night
from qke_sim.kernel import Kernel, Process
from qke_sim.twin import Twin

RENEWING = [version for version in catalog().order if version != "1.0.0"]
WISH = {"name": "shop", "roles": {"master": {"count": 1}, "node_perf": {"count": 2}, "client": {"count": 1}}}


def stand(version: str, epoch_ms: int = 1_590_944_400_000) -> Site:
    kernel = Kernel(3, epoch_ms=epoch_ms)
    kernel.trace.add("run.started", "test", None, scenario="test", seed=3)
    world = World.model_validate_json(json.dumps({"zone": "pek3", "clusters": [{**WISH, "version": version}]}))
    twin = Twin(kernel, world, {})
    twin.start(0)
    return twin.site("shop")


def live(site: Site, ms: int) -> None:
    def wait() -> Process[None]:
        yield site.kernel.pause(ms)

    site.kernel.spawn(wait())
    site.kernel.run(site.kernel.now + ms)


@pytest.mark.parametrize("version", [version for version in RENEWING if version != "1.0.1"])
@settings(max_examples=8)
@given(days=st.integers(2, 365))
def test_certificates_with_two_days_left_or_more_never_end(version: str, days: int) -> None:
    """Two days are enough for a night to come, whatever the hour."""
    site = stand(version)
    end_certificates(site, "master1", site.kernel.now + days * DAY_MS, 0)
    live(site, 400 * DAY_MS)
    assert not [record for record in site.kernel.trace.records if record.kind == "certificate.ended"]
    left = left_ms(site.hosts["master1"])
    assert left is not None
    assert left > 25 * DAY_MS


@settings(max_examples=30)
@given(epoch_ms=st.integers(0, 4 * 10**12), at_s=st.integers(0, 86_399), from_ms=st.integers(0, 10**11))
def test_the_next_night_is_the_first_one(epoch_ms: int, at_s: int, from_ms: int) -> None:
    site = stand("3.3.0", epoch_ms)
    at_ms = next_night(site, at_s, from_ms)
    assert from_ms <= at_ms < from_ms + DAY_MS
    assert next_night(site, at_s, at_ms) == at_ms
    assert next_night(site, at_s, at_ms + 1) == at_ms + DAY_MS


@settings(max_examples=30)
@given(days=st.integers(1, 30), from_ms=st.integers(0, 10**11))
def test_a_divided_day_of_the_year_comes_within_as_many_days(days: int, from_ms: int) -> None:
    """Over a year's end the count begins anew, so it may come sooner; never later than twice."""
    site = stand("1.0.1")
    at_ms = first_divided(site, 0, from_ms, days)
    assert at_ms is not None
    assert from_ms <= at_ms <= from_ms + 2 * days * DAY_MS
    assert first_divided(site, 0, from_ms, 0) is None
