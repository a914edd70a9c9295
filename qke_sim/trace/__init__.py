"""What happened in a run, and why."""

from qke_sim.trace.kinds import KINDS, Kind
from qke_sim.trace.record import Level, Trace, TraceRecord, digest_of, parse_trace
from qke_sim.trace.why import causes, explain

__all__ = ["KINDS", "Kind", "Level", "Trace", "TraceRecord", "causes", "digest_of", "explain", "parse_trace"]
