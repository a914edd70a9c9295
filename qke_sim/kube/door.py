"""The kube door: Kubernetes reads on objects, answered as long as users find an API server."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qke_core.catalog import catalog
from qke_core.effects import Json, JsonObject
from qke_core.errors import RemoteError
from qke_sim.faults import Gate
from qke_sim.kernel import Kernel, Process
from qke_sim.kube.cluster import KubeCluster
from qke_sim.kube.objects import claim_json, node_json, pod_json

REQUEST_TIMEOUT_MS = 10_000
"""How long a client of ours waits for an API server (kubectl --request-timeout 10s)."""

LISTS: Mapping[str, Callable[[KubeCluster], list[Json]]] = {
    "nodes": lambda kube: [node_json(node) for node in kube.nodes.values()],
    "pods": lambda kube: [pod_json(pod) for pod in kube.pods],
    "persistentvolumeclaims": lambda kube: [claim_json(claim) for claim in kube.objects.claims],
    "services": lambda kube: [
        {
            "metadata": {"namespace": service.namespace, "name": service.name},
            "spec": {"selector": dict(service.selector)},
        }
        for service in kube.objects.services
    ],
}
"""What can be listed, by resource."""


class KubeDoor:
    """The API endpoints of all clusters, by cluster id."""

    def __init__(self, kernel: Kernel) -> None:
        """Begin without clusters."""
        self.kernel = kernel
        self.clusters: dict[str, KubeCluster] = {}
        self.gate = Gate(kernel.streams)

    def call(self, cluster_id: str, params: JsonObject, by: str, cause: int) -> Process[Json]:
        """Pass one request through the door; return the answer's object.

        Raises:
            RemoteError: `kube.unavailable` (retry) when nobody answers; `kube.unknown` for what is not served.
        """
        verb, resource = str(params.get("verb", "")), str(params.get("resource", ""))
        kube = self.clusters[cluster_id]
        trace = self.kernel.trace
        seq = trace.add("kube.called", kube.name, cause, by=by, verb=verb, resource=resource)
        fault = self.gate.meet(verb)
        if fault is not None and fault.effect == "slow":
            yield self.kernel.pause(fault.delay_ms)
        if not kube.plane.available or (fault is not None and fault.effect != "slow"):
            yield self.kernel.pause(REQUEST_TIMEOUT_MS)
            trace.add("kube.answered", kube.name, seq, verb=verb, resource=resource, result="no answer")
            raise RemoteError(
                "kube.unavailable",
                f"The API server of {kube.name} does not answer within {REQUEST_TIMEOUT_MS // 1000} s",
                "try again; look at the masters if it stays so",
                {"cluster": kube.name},
                retry=True,
            )
        yield self.kernel.take(f"{by}/kube", catalog().duration("api-call"))
        lister = LISTS.get(resource)
        if verb != "list" or lister is None:
            trace.add("kube.answered", kube.name, seq, verb=verb, resource=resource, result="not served")
            raise RemoteError(
                "kube.unknown",
                f"The twin's API server does not {verb} {resource!r}",
                "list one of: " + ", ".join(LISTS),
            )
        items = lister(kube)
        trace.add("kube.answered", kube.name, seq, verb=verb, resource=resource, result=f"{len(items)} items")
        return {"kind": "List", "items": items}
