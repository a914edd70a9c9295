"""Validate and plan as a cluster grows: time and memory, as multiples of a cluster with 10 workers.

    .venv/bin/python benchmarks/plan.py [--write]

The world holds 20 clusters of that size in one VPC. The wish grows each worker role by one node and upgrades the
cluster. Sizes are measured in turns within one run; times and memory are medians, the growth is the figure to keep.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

from qke_core.effects import Json
from qke_core.models import ClusterDocument, World
from qke_core.plan import plan_cluster
from qke_core.rules import check_cluster, check_world

BASELINE = Path(__file__).with_name("plan-baseline.json")
CLUSTERS, ROUNDS = 20, 5
SIZES = (10, 100, 300)
TARGET = "3.0.0"
ROLES = ("node_perf", "node_super_perf", "node_gpu")


def main() -> None:
    """Measure and print."""
    cases = {size: (world(size), wish(size)) for size in SIZES}
    planned = {size: plan_cluster(wished, around) for size, (around, wished) in cases.items()}
    for size, result in planned.items():
        if result.plan is None:
            raise SystemExit(f"{size} workers: refused: {[finding.sentence for finding in result.blockers]}")
    rows: dict[str, dict[int, float]] = {}
    for name, action in ACTIONS.items():
        taken: dict[int, list[float]] = {size: [] for size in SIZES}
        for _ in range(ROUNDS):
            for size, (around, wished) in cases.items():
                taken[size].append(took(partial(action, wished, around)))
        rows[f"{name}, ms"] = {size: 1000 * statistics.median(times) for size, times in taken.items()}
        rows[f"{name}, peak MiB"] = {size: peak(partial(action, w, a)) for size, (a, w) in cases.items()}
    print(f"{CLUSTERS} clusters in the world, 3 masters each; the wish: one more worker of each role, and {TARGET}\n")
    print(f"{'workers':<22}" + "".join(f"{size:>10}" for size in SIZES) + "    growth from 10")
    growth: dict[str, float] = {}
    for name, figures in rows.items():
        times = {size: figures[size] / figures[SIZES[0]] for size in SIZES[1:]}
        growth.update((f"{name}: {size} / {SIZES[0]} workers", found) for size, found in times.items())
        shown = " ".join(f"{found:7.1f}x" for found in times.values())
        print(f"{name:<22}" + "".join(f"{figures[size]:>10.1f}" for size in SIZES) + f"  {shown}")
    if "--write" in sys.argv[1:]:
        text = json.dumps({name: round(found, 1) for name, found in growth.items()}, indent=1)
        BASELINE.write_text(text + "\n", encoding="utf-8")


ACTIONS: dict[str, Callable[[ClusterDocument, World], object]] = {
    "validate": lambda wished, around: (check_world(around), check_cluster(wished, around)),
    "plan": plan_cluster,
}


def roles(size: int, more: int = 0) -> dict[str, Json]:
    """Return three masters and `size` workers, `more` in each role on top."""
    counts = [size // 3 + (place < size % 3) for place in range(3)]
    found: dict[str, Json] = {"master": {"count": 3}}
    found.update({role: {"count": count + more} for role, count in zip(ROLES, counts, strict=True)})
    return found


def world(size: int) -> World:
    """Return a world with 20 clusters, each on vxnets of its own /24."""
    vxnets: list[Json] = [
        {"id": f"vxnet-{place:07d}", "network": f"172.16.{place * 2}.0/23"} for place in range(CLUSTERS)
    ]
    clusters: list[Json] = [
        {
            "name": f"c{place}",
            "version": "2.0.0",
            "roles": roles(size - 3),
            "vxnet": f"vxnet-{place:07d}",
            "env": {
                "pod_subnet": f"10.{2 * place + 20}.0.0/15",
                "service_subnet": f"10.{100 + place}.0.0/16",
            },
        }
        for place in range(CLUSTERS)
    ]
    data: dict[str, Json] = {
        "zone": "pek3",
        "vpcs": [{"id": "rtr-00000001", "network": "172.16.0.0/16", "vxnets": vxnets}],
        "eips": [],
        "linked": [],
        "access_keys": ["KEY"],
        "clusters": clusters,
    }
    return World.model_validate_json(json.dumps(data))


def wish(size: int) -> ClusterDocument:
    """Return the wish for the first cluster."""
    data: dict[str, Json] = {
        "apiVersion": "qke/v1",
        "kind": "Cluster",
        "zone": "pek3",
        "name": "c0",
        "version": TARGET,
        "roles": roles(size - 3, more=1),
    }
    return ClusterDocument.model_validate_json(json.dumps(data))


def took(action: Callable[[], object]) -> float:
    """Return the wall time of one call, in seconds."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def peak(action: Callable[[], object]) -> float:
    """Return the most memory that one call holds, in MiB."""
    tracemalloc.start()
    action()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1024 / 1024


if __name__ == "__main__":
    main()
