"""The simulated AppCenter."""

from qke_sim.platform.actions import ACTIONS
from qke_sim.platform.appcenter import Platform

__all__ = ["ACTIONS", "Platform"]
