"""The CSI driver at the cloud's door: each of its requests about one claim's volume."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import cast

from qke_core.catalog import catalog
from qke_core.effects import Json
from qke_sim.cloud import Cloud, Outcome
from qke_sim.kernel import Process
from qke_sim.kube.objects import Claim
from qke_sim.kube.patience import Pace, ask
from qke_sim.kube.views import volume_name


class Driver:
    """The driver of one cluster; `by` is how the cloud's records call it."""

    def __init__(self, cloud: Cloud, cluster: str) -> None:
        """Work for a cluster, by its name."""
        self.by = f"{cluster} csi"
        self._cloud = cloud
        self._cluster = cluster

    def make(self, claim: Claim, size_gib: int, volume_type: int, cause: int) -> Process[Outcome]:
        """Make a volume; its id is in the answer (`made_of`)."""
        params: dict[str, Json] = {
            "size": size_gib,
            "volume_type": volume_type,
            "volume_name": volume_name(claim),
            "count": 1,
            "_owner": self._cluster,
            "_label": claim.label,
            "_origin": claim.origin,
        }
        return (yield from self._ask("CreateVolumes", params, cause))

    def left_behind(self, claim: Claim, taken: Container[str], cause: int) -> Process[str]:
        """Return the volume that an earlier try made under the claim's name and that nobody took, "" for none."""
        name = volume_name(claim)
        params: dict[str, Json] = {"volume_name": name, "search_word": name, "owner": "", "limit": 100}
        outcome = yield from self._ask("DescribeVolumes", params, cause)
        fitting = [
            str(item["volume_id"])
            for item in _listed(outcome)
            if item.get("volume_name") == name and item.get("status") == "available"
        ]
        return next((volume_id for volume_id in fitting if volume_id not in taken), "")

    def remove(self, volume_id: str, cause: int) -> Process[Outcome]:
        """Delete a volume."""
        return (yield from self._ask("DeleteVolumes", {"volumes": [volume_id]}, cause))

    def attach(self, volume_id: str, instance_id: str, cause: int) -> Process[Outcome]:
        """Attach a volume to a node's machine."""
        return (yield from self._ask("AttachVolumes", {"volumes": [volume_id], "instance": instance_id}, cause))

    def detach(self, volume_id: str, instance_id: str, cause: int) -> Process[Outcome]:
        """Detach a volume from a node's machine."""
        return (yield from self._ask("DetachVolumes", {"volumes": [volume_id], "instance": instance_id}, cause))

    def is_free(self, volume_id: str, cause: int) -> Process[bool]:
        """Whether a volume that could not be detached is attached nowhere: its machine is gone, or it is itself."""
        outcome = yield from self._ask("DescribeVolumes", {"volumes": [volume_id]}, cause)
        return not outcome.failed and all(item.get("status") != "in-use" for item in _listed(outcome))

    def _ask(self, action: str, params: Mapping[str, Json], cause: int) -> Process[Outcome]:
        facts = catalog()
        pace = Pace(facts.constant("csi_job_interval_ms"), facts.constant("csi_job_timeout_ms"))
        return (yield from ask(self._cloud, action, params, self.by, cause, pace))


def made_of(outcome: Outcome) -> str:
    """Return the id of the volume that was made."""
    return str(cast("Sequence[Json]", outcome.answer["volumes"])[0])


def _listed(outcome: Outcome) -> Sequence[Mapping[str, Json]]:
    return cast("Sequence[Mapping[str, Json]]", outcome.answer.get("volume_set") or ())
