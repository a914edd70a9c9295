"""From a World to things: everything that exists at virtual time 0, placed in the cloud's store."""

from qke_sim.populate.everything import populate

__all__ = ["populate"]
