"""The kube door: Kubernetes verbs on objects, answered as long as users find an API server."""

from __future__ import annotations

from qke_core.catalog import catalog
from qke_core.effects import Json, JsonObject
from qke_core.errors import RemoteError
from qke_sim.faults import Gate
from qke_sim.kernel import Kernel, Process
from qke_sim.kube.cluster import KubeCluster
from qke_sim.kube.verbs import drain, serve

REQUEST_TIMEOUT_MS = 10_000
"""How long a client of ours waits for an API server (kubectl --request-timeout 10s)."""


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
            RemoteError: `kube.unavailable` (retry) when nobody answers; what `verbs.serve` raises.
        """
        verb, resource = str(params.get("verb", "")), str(params.get("resource", ""))
        kube, trace = self.clusters.get(cluster_id), self.kernel.trace
        name = cluster_id if kube is None else kube.name
        seq = trace.add("kube.called", name, cause, by=by, verb=verb, resource=resource)
        fault = self.gate.meet(verb)
        if fault is not None and fault.effect == "slow":
            yield self.kernel.pause(fault.delay_ms)
        if kube is None or not kube.plane.available or (fault is not None and fault.effect != "slow"):
            yield self.kernel.pause(REQUEST_TIMEOUT_MS)
            trace.add("kube.answered", name, seq, verb=verb, resource=resource, result="no answer")
            raise RemoteError(
                "kube.unavailable",
                f"The API server of {name} does not answer within {REQUEST_TIMEOUT_MS // 1000} s",
                "try again; look at the masters if it stays so",
                {"cluster": name},
                retry=True,
            )
        yield self.kernel.take(f"{by}/kube", catalog().duration("api-call"))
        try:
            if (verb, resource) == ("drain", "nodes"):
                answer, result = yield from drain(kube, params, by, seq)
            else:
                answer, result = serve(kube, params, by, seq)
        except RemoteError as refusal:
            trace.add("kube.answered", kube.name, seq, verb=verb, resource=resource, result=refusal.sentence)
            raise
        trace.add("kube.answered", kube.name, seq, verb=verb, resource=resource, result=result)
        return answer
