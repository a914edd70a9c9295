"""The numbers of a Service: its address inside the cluster, and its node ports. Each is the lowest free one.

That is assumed: Kubernetes draws both at random from their ranges.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network

from qke_sim.kube.objects import Service

NODE_PORTS_FROM = 30_000
CLUSTER_IPS_FROM = 11
"""Place in the service range; the first ones are the API server's and DNS's."""


def give_numbers(service: Service, services: Sequence[Service], subnet: str) -> None:
    """Give a Service what it lacks: an address of the service range `subnet`, node ports where its type has them."""
    network, taken = IPv4Network(subnet, strict=False), {other.cluster_ip for other in services}
    free = (str(network[place]) for place in range(CLUSTER_IPS_FROM, network.num_addresses - 1))
    service.cluster_ip = service.cluster_ip or next((address for address in free if address not in taken), "")
    if service.type != "ClusterIP":
        _give_ports(service, services)


def _give_ports(service: Service, services: Sequence[Service]) -> None:
    taken = {port for other in services for _, port in other.ports}
    free = (port for port in range(NODE_PORTS_FROM, NODE_PORTS_FROM * 2) if port not in taken)
    service.ports = tuple((port, node_port or next(free)) for port, node_port in service.ports)
