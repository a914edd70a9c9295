"""The simulated AppCenter."""

from qke_sim.platform.appcenter import Platform

__all__ = ["Platform"]
