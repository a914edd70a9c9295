"""How instances, their types and images look to those who ask."""

from __future__ import annotations

from functools import partial

from qke_core.catalog import compute
from qke_core.effects import Json
from qke_sim.cloud.call import Call
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.eip import eips_of
from qke_sim.cloud.instance import Instance
from qke_sim.cloud.lookup import Actions, alive, listing, rename
from qke_sim.cloud.nic import FIRST, FURTHER, mac_of, nics_of
from qke_sim.cloud.shown import shown
from qke_sim.cloud.volume import IN_USE, volumes_of
from qke_sim.cloud.vxnet import Vxnet


def show_instance(cloud: Cloud, instance: Instance) -> dict[str, Json]:
    """Return an instance as answers have it, with what is attached to it."""
    volumes = [volume for volume in volumes_of(cloud.store, instance.id) if volume.status == IN_USE]
    eip = next(iter(eips_of(cloud.store, instance.id)), None)
    return {
        **shown(cloud, instance),
        "zone_id": cloud.zone,
        "volume_ids": [volume.id for volume in volumes],
        "volumes": [{"volume_id": volume.id, "size": volume.size_gib, "device": volume.device} for volume in volumes],
        "vxnets": _vxnets(cloud, instance),
        "eip": {} if eip is None else {"eip_id": eip.id, "eip_addr": eip.eip_addr, "bandwidth": eip.bandwidth},
    }


def _vxnets(cloud: Cloud, instance: Instance) -> list[Json]:
    """List the NICs of an instance, as parts of it."""
    first = [(mac_of(instance.id), instance.vxnet_id, instance.private_ip, FIRST)] if instance.vxnet_id else []
    more = [
        (nic.id, nic.vxnet_id, nic.private_ip, FURTHER)
        for nic in nics_of(cloud.store, instance.id)
        if nic.status == IN_USE
    ]
    found: list[Json] = []
    for nic_id, vxnet_id, address, role in (*first, *more):
        vxnet = cloud.store.find(Vxnet, vxnet_id)
        found.append(
            {
                "nic_id": nic_id,
                "vxnet_id": vxnet_id,
                "vxnet_name": "" if vxnet is None else vxnet.name,
                "vxnet_type": 1 if vxnet is None else vxnet.vxnet_type,
                "private_ip": address,
                "role": role,
            }
        )
    return found


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [instance for instance in cloud.store.all(Instance) if _matches(call, instance)]
    return listing(call, found, ids="instances", into="instance_set", show=partial(show_instance, cloud))


def _matches(call: Call, instance: Instance) -> bool:
    """Whether an instance is among those a call asks for, by the filters that only instances have."""
    images, types, kind = call.texts("image_id"), call.texts("instance_type"), call.text("instance_class")
    nodes = call.text("is_cluster_node")
    return (
        (not images or instance.image in images)
        and (not types or instance.instance_type in types)
        and kind in ("", str(instance.instance_class))
        and (nodes != "1" or bool(instance.owner))
        and not (call.flag("not_transition") and instance.transition_status)
    )


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    rename(cloud, alive(cloud, Instance, call.required("instance")), call, "instance_name")
    return {}


def _describe_types(cloud: Cloud, call: Call) -> dict[str, Json]:
    wanted = call.texts("instance_types")
    found: list[Json] = [
        {
            "instance_type_id": known.name,
            "instance_type_name": known.name,
            "vcpus_current": known.cpu,
            "memory_current": known.memory_mib,
            "status": "available",
            "zone_id": cloud.zone,
            "description": "",
        }
        for known in compute().types.values()
        if not wanted or known.name in wanted
    ]
    return {"instance_type_set": call.page(found), "total_count": len(found)}


def _describe_images(cloud: Cloud, call: Call) -> dict[str, Json]:
    """List the images of the system; the account has none of its own."""
    wanted, family, word = call.texts("images"), call.text("os_family"), call.text("search_word")
    hidden = call.text("provider") == "self" or call.text("visibility") == "private"
    ready = not call.texts("status") or "available" in call.texts("status")
    processor = call.text("processor_type", "64bit") == "64bit"
    _ = cloud
    found: list[Json] = [
        {
            "image_id": image.id,
            "image_name": image.name,
            "os_family": image.os_family,
            "platform": image.platform,
            "size": image.size_gib,
            "processor_type": "64bit",
            "provider": "system",
            "visibility": "public",
            "status": "available",
            "transition_status": "",
            "owner": "system",
            "sub_code": 0,
        }
        for image in compute().images.values()
        if (not wanted or image.id in wanted)
        and family in ("", image.os_family)
        and (not word or word in image.id or word in image.name)
        and ready
        and processor
        and not hidden
    ]
    return {"image_set": call.page(found), "total_count": len(found)}


ACTIONS: Actions = {
    "DescribeInstances": _describe,
    "ModifyInstanceAttributes": _modify,
    "DescribeInstanceTypes": _describe_types,
    "DescribeImages": _describe_images,
}
