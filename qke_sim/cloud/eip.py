"""Public addresses (EIPs): one resource at a time has one."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address
from itertools import islice
from typing import ClassVar, Literal, cast, get_args

from qke_core.catalog import catalog, quotas
from qke_core.effects import Json
from qke_core.lifecycle import INSTANCES
from qke_core.resources import Resource
from qke_sim.cloud.call import QUOTAS_EXCEEDED, Call, CloudRefusal, denied, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import (
    ABSENT,
    GONE,
    RELEASED,
    Actions,
    alive,
    idle,
    idle_in,
    idle_instance,
    listing,
    provenance,
    rename,
    require_leased,
)
from qke_sim.cloud.shown import shown
from qke_sim.cloud.store import Store, Thing

MS_PER_DAY = 86_400_000
POOL = IPv4Address("139.198.128.0")
"""Where allocated addresses begin (assumed; the guide's examples lie near)."""

Billing = Literal["bandwidth", "traffic"]


@dataclass(slots=True, kw_only=True, eq=False)
class Eip(Thing):
    """A public address. `resource_id` is what has it, "" for nothing; `lowered_ms`, `rebilled_ms`: when it was so.

    `grows_to` is the bandwidth it is being given, 0 for none: a greater one counts from the answer on.
    """

    kind: ClassVar[str] = "eip"
    prefix: ClassVar[str] = "eip"

    eip_addr: str
    bandwidth: int = 1
    billing_mode: Billing = "bandwidth"
    need_icp: int = 0
    icp_codes: str = ""
    associate_mode: int = 0
    resource_id: str = ""
    resource_type: str = ""
    lowered_ms: list[int] = field(default_factory=list[int])
    rebilled_ms: int = -MS_PER_DAY
    grows_to: int = 0

    def charged(self) -> Resource | None:
        """It counts until it is released, bound or not."""
        return None if self.status in GONE else self.as_resource(max(self.bandwidth, self.grows_to))

    def as_resource(self, bandwidth: int) -> Resource:
        """Return what it counts as with a bandwidth."""
        return Resource(self.label, "eip", self.origin, bandwidth_mbps=bandwidth, eip_billing=self.billing_mode)

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeEips shows it."""
        return {
            "eip_id": self.id,
            "eip_name": self.name,
            "eip_addr": self.eip_addr,
            "description": self.description,
            "bandwidth": self.bandwidth,
            "billing_mode": self.billing_mode,
            "need_icp": self.need_icp,
            "icp_codes": self.icp_codes,
            "associate_mode": self.associate_mode,
            "status": self.status,
            "transition_status": self.transition_status,
            "resource": {"resource_id": self.resource_id, "resource_type": self.resource_type, "resource_name": ""},
        }

    def brief(self) -> dict[str, Json]:
        """Return it as what has it shows it; clients read all three (wire facts, CCM)."""
        return {"eip_id": self.id, "eip_name": self.name, "eip_addr": self.eip_addr}


def free_eip(cloud: Cloud, eip_id: str, to: str) -> Eip:
    """Return an EIP that may be bound to something; `to` is the API's word for what.

    Raises:
        CloudRefusal: 2100; 1400 with the words that clients look for.
    """
    found = alive(cloud, Eip, eip_id)
    if found.status != "available" or found.transition_status:
        raise denied(f"public IP [{eip_id}] is not available, can not be associated to {to}")
    return found


def bind(cloud: Cloud, eip: Eip, resource_id: str, resource_type: str, cause: int) -> int:
    """Give an EIP to something at once; return the record."""
    return cloud.store.change(
        eip, cause, status="associated", transition_status="", resource_id=resource_id, resource_type=resource_type
    )


def unbind(cloud: Cloud, eip: Eip, cause: int) -> int:
    """Take an EIP from whatever has it; return the record."""
    return cloud.store.change(eip, cause, status="available", transition_status="", resource_id="", resource_type="")


def eips_of(store: Store, resource_id: str) -> list[Eip]:
    """List the EIPs that something has."""
    return [eip for eip in store.all(Eip) if eip.resource_id == resource_id and eip.status not in GONE]


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    instance = call.text("instance_id")
    found = [eip for eip in cloud.store.all(Eip) if instance in ("", eip.resource_id)]
    return listing(call, found, ids="eips", into="eip_set", show=partial(shown, cloud))


def _allocate(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Make addresses: charged from now on, pending for a moment."""
    bandwidth, billing = _bandwidth(call), _billing(call)
    count, icp = call.number("count", 1, least=1), call.number("need_icp", 0, least=0, most=1)
    mode, made_for = call.number("associate_mode", 0, least=0, most=1), provenance(call)
    name = call.text("eip_name")
    cloud.allowance.require([Resource("new", "eip", "user", count=count, bandwidth_mbps=bandwidth)])
    taken, made = {eip.eip_addr for eip in cloud.store.all(Eip)}, list[Eip]()
    for address in islice((text for n in range(1, 1 << 16) if (text := str(POOL + n)) not in taken), count):
        new = Eip(
            id=cloud.store.new_id(Eip),
            name=name,
            status="pending",
            eip_addr=address,
            bandwidth=bandwidth,
            billing_mode=billing,
            need_icp=icp,
            associate_mode=mode,
            **made_for,
        )
        made.append(cloud.store.add(new, call.seq, call.by))
    for eip in made:
        wait_ms = cloud.kernel.streams.draw(eip.label, catalog().duration("eip-allocate"))
        cloud.kernel.later(wait_ms, partial(_become_available, cloud, eip, call.seq))
    return {"eips": [eip.id for eip in made]}


def _become_available(cloud: Cloud, eip: Eip, cause: int) -> None:
    cloud.store.change(eip, cause, status="available")


def _bandwidth(call: Call) -> int:
    call.required("bandwidth")
    return call.number("bandwidth", least=1, most=quotas().hard["eip_bandwidth_mbps"])


def _billing(call: Call) -> Billing:
    mode = call.text("billing_mode", "bandwidth")
    if mode not in get_args(Billing):
        raise invalid("billing_mode", mode)
    return cast("Billing", mode)


def _release(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [idle_in(cloud, Eip, name, ("available",), "be released") for name in call.required_texts("eips")]
    for eip in found:
        require_leased(cloud, eip)

    def done(cause: int) -> None:
        for eip in found:
            cloud.store.change(eip, cause, status=RELEASED)

    return {"job_id": cloud.begin("ReleaseEips", found, "releasing", call, work="eip-associate", done=done).job_id}


def _associate(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Give an address to an instance, which may have one (limit of the platform) and must be running or stopped."""
    eip, instance = free_eip(cloud, call.required("eip"), "instance"), idle_instance(cloud, call.required("instance"))
    if instance.status not in INSTANCES["bind"].starts_from:
        raise denied(f"instance [{instance.id}] is [{instance.status}], can not be given a public IP")
    if len(eips_of(cloud.store, instance.id)) >= quotas().hard["eips_per_instance"]:
        raise denied(f"instance [{instance.id}] has a public IP already")

    def done(cause: int) -> None:
        if instance.status not in ABSENT:  # It may have been terminated meanwhile: then the address stays free.
            bind(cloud, eip, instance.id, "instance", cause)

    return {"job_id": cloud.begin("AssociateEip", [eip], "associating", call, work="eip-associate", done=done).job_id}


def _dissociate(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Take addresses from instances; a VPC's and a load balancer's are taken with actions of their own."""
    found = [idle_in(cloud, Eip, name, ("associated",), "be dissociated") for name in call.required_texts("eips")]
    for eip in found:
        if eip.resource_type != "instance":
            raise denied(f"eip [{eip.id}] is associated to {eip.resource_type} [{eip.resource_id}]")

    def done(cause: int) -> None:
        for eip in found:
            unbind(cloud, eip, cause)

    job = cloud.begin("DissociateEips", found, "dissociating", call, work="eip-associate", done=done)
    return {"job_id": job.job_id}


def _change_bandwidth(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Change bandwidths; an account may lower them so many times a day."""
    bandwidth = _bandwidth(call)
    found = [idle(cloud, Eip, name) for name in call.required_texts("eips")]
    cloud.allowance.require([e.as_resource(bandwidth) for e in found], [e.as_resource(e.bandwidth) for e in found])
    since = cloud.kernel.now - MS_PER_DAY
    lowered = sum(at > since for eip in cloud.store.all(Eip) for at in eip.lowered_ms)
    lower = [eip for eip in found if bandwidth < eip.bandwidth]
    if lower and lowered + len(lower) > quotas().hard["eip_decreases_per_day"]:
        raise CloudRefusal(QUOTAS_EXCEEDED, "QuotasExceeded, bandwidth has been decreased too often today")

    def done(cause: int) -> None:
        for eip in found:
            times = [*eip.lowered_ms, cloud.kernel.now] if eip in lower else eip.lowered_ms
            cloud.store.change(eip, cause, bandwidth=bandwidth, lowered_ms=times, grows_to=0)

    def undone(cause: int) -> None:
        for eip in found:
            cloud.store.change(eip, cause, grows_to=0)

    job = cloud.begin("ChangeEipsBandwidth", found, "updating", call, work="eip-associate", done=done, undone=undone)
    for eip in found:
        cloud.store.change(eip, call.seq, grows_to=bandwidth)
    return {"job_id": job.job_id}


def _change_billing(cloud: Cloud, call: Call) -> dict[str, Json]:
    call.required("billing_mode")
    mode = _billing(call)
    found = [idle(cloud, Eip, name) for name in call.required_texts("eips")]
    for eip in found:
        if cloud.kernel.now - eip.rebilled_ms < MS_PER_DAY:
            raise denied(f"billing mode of eip [{eip.id}] can be changed once in 24 hours only")

    def done(cause: int) -> None:
        for eip in found:
            cloud.store.change(eip, cause, billing_mode=mode, rebilled_ms=cloud.kernel.now)

    job = cloud.begin("ChangeEipsBillingMode", found, "updating", call, work="eip-associate", done=done)
    return {"job_id": job.job_id}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    eip = alive(cloud, Eip, call.required("eip"))
    rename(cloud, eip, call, "eip_name")
    return {"eip_id": eip.id}


ACTIONS: Actions = {
    "DescribeEips": _describe,
    "AllocateEips": _allocate,
    "ReleaseEips": _release,
    "AssociateEip": _associate,
    "DissociateEips": _dissociate,
    "ChangeEipsBandwidth": _change_bandwidth,
    "ChangeEipsBillingMode": _change_billing,
    "ModifyEipAttributes": _modify,
}
"""Public addresses."""
