"""Judges that watch a run from outside, one family of laws per file. A run with a finding ends as our bug."""

from qke_sim.checkers.finding import Finding
from qke_sim.checkers.watch import LAWS, Watch, check_twin

__all__ = ["LAWS", "Finding", "Watch", "check_twin"]
