"""What the zone itself can give, whatever the account's quotas: is there room left, and does it offer a thing at all."""

from __future__ import annotations

from qke_core.catalog import storage
from qke_sim.cloud.call import RESOURCES_SHORT, Call, CloudRefusal, invalid
from qke_sim.cloud.cloud import Cloud

BALANCE_SHORT = 2400


def require_room(cloud: Cloud, call: Call, action: str, *names: str) -> None:
    """Refuse what the zone has no room for, or the account no money. To be asked last: meeting trouble counts.

    Troubles `zone.short` and `account.short` strike by `action`, or by one of `names`.

    Raises:
        CloudRefusal: 5200, 2400.
    """
    _ = call
    if cloud.trouble.meets("account.short", action, *names) is not None:
        raise CloudRefusal(BALANCE_SHORT, "BalanceNotEnough, the balance of the account is not enough")
    if cloud.trouble.meets("zone.short", action, cloud.zone, *names) is not None:
        sentence = f"zone [{cloud.zone}] has not enough resources, please try later"
        raise CloudRefusal(RESOURCES_SHORT, f"ResourcesInsufficient, {sentence}")


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
