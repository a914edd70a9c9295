"""The simulated AppCenter."""

from qke_sim.platform.actions import ACTIONS
from qke_sim.platform.bin import keep_bin
from qke_sim.platform.platform import Platform
from qke_sim.platform.power import watch_power
from qke_sim.platform.state import state_of

__all__ = ["ACTIONS", "Platform", "keep_bin", "state_of", "watch_power"]
