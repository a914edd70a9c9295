"""What the zone itself can give, whatever the account's quotas: is there room, and does it offer a thing at all."""

from __future__ import annotations

from typing import cast

from qke_core.catalog import storage
from qke_sim.cloud.call import RESOURCES_SHORT, Call, CloudRefusal, invalid
from qke_sim.cloud.cloud import Cloud


def require_room(cloud: Cloud, needs: int, *names: str) -> None:
    """Refuse instances that the zone has no room for. To be asked last: meeting trouble counts.

    The trouble `zone.short` strikes by the zone, or by one of `names`; its fact `left` is how many still fit.

    Raises:
        CloudRefusal: 5200.
    """
    short = cloud.trouble.meets("zone.short", cloud.zone, *names)
    if short is None:
        return
    room = int(cast("int", short.facts.get("left", 0)))
    if needs > room:
        sentence = f"zone [{cloud.zone}] has not enough resources, please try later"
        raise CloudRefusal(RESOURCES_SHORT, f"ResourcesInsufficient, {sentence}")
    short.facts = {**short.facts, "left": room - needs}


def require_host_offered(cloud: Cloud, call: Call, instance_class: int) -> None:
    """Refuse an instance class that the zone does not have; inhabitants were told theirs by the zone itself.

    Raises:
        CloudRefusal: 1100.
    """
    known = storage().host_types if call.internal else storage().hosts_offered(cloud.zone)
    if instance_class not in known:
        raise invalid("instance_class", instance_class)


def require_disk_offered(cloud: Cloud, call: Call, volume_type: int) -> None:
    """Refuse a volume type that the zone does not have; inhabitants were told theirs by the zone itself.

    Raises:
        CloudRefusal: 1100.
    """
    known = storage().volume_types if call.internal else storage().offered(cloud.zone)
    if volume_type not in known:
        raise invalid("volume_type", volume_type)
