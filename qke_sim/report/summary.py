"""The summary of a run: one JSON object that says how it went, for people's scripts and for `replay`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qke_core.units import render_rough
from qke_sim.report.analysis import Analysis
from qke_sim.scenario import RunResult
from qke_sim.scenario.judge import plain

FORMAT = 1


def summarise(result: RunResult, analysis: Analysis, version: str) -> Mapping[str, Any]:
    """Return the summary as JSON data.

    Args:
        result: a finished run.
        analysis: its trace, read.
        version: version of this package, so that a replay by another one can say so.
    """
    scenario = result.story.scenario
    return {
        "format": FORMAT,
        "qke": version,
        "scenario": scenario.metadata.name,
        "description": scenario.metadata.description,
        "seed": result.seed,
        "start": scenario.start,
        "digest": result.digest,
        "records": result.record_count,
        "ended_ms": result.ended_ms,
        "complete": result.complete,
        "held": result.held,
        "expectations": [
            {
                "title": verdict.title,
                "held": verdict.held,
                "at_ms": verdict.t,
                "sentence": verdict.sentence,
                "values": verdict.values,
            }
            for verdict in result.verdicts
        ],
        "actions": {
            label: {
                "status": state.status,
                "code": state.code,
                "error": state.error,
                "hops": state.hops,
                "findings": state.findings,
                "started_ms": state.started_ms,
                "took_ms": state.took_ms(result.ended_ms),
            }
            for label, state in result.actions.items()
        },
        "outages": {
            key: {
                "count": outage.count,
                "total_ms": outage.so_far(result.ended_ms),
                "total": render_rough(outage.so_far(result.ended_ms)),
                "gaps_ms": [[gap.start, gap.end] for gap in analysis.gaps.get(key, [])],
            }
            for key, outage in result.outages.items()
        },
        "clusters": {
            show.name: {
                "status": show.lane[-1].status,
                "version": show.version,
                "nodes": show.nodes,
                "bill_cny": show.bill_cny,
                "lane": [[standing.t, standing.status, standing.transition] for standing in show.lane],
            }
            for show in result.clusters
        },
        "quotas": {
            show.kind: {"limit": show.limit, "most": show.most, "points": [list(point) for point in show.points]}
            for show in result.quotas
        },
        "measures": {name: plain(value) for name, value in result.measures.items()},
        "state": result.state,
    }
