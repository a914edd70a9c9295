"""What `DeployAppVersion` is asked for: `conf`, JSON text as the product's form makes it, read as a wish and judged.

The platform judges what its form can judge: roles, counts and sizes, parameter values, and that what is named exists.
It knows nothing of ranges that clash or of vxnets that are too small: the nodes find out.

Source: yunify/qingcloud-docs, DeployAppVersion, `conf`; QKE app repo, app/config.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from pydantic import ValidationError

from qke_core.catalog import catalog
from qke_core.effects import Json
from qke_core.errors import QkeError
from qke_core.models import ON_DEMAND, Billing, ClusterDocument, ClusterState
from qke_core.rules.sizes import role_flaws
from qke_core.rules.topology import wrong_counts
from qke_core.rules.values import env_flaws
from qke_sim.cloud import Call, Cloud, CloudRefusal
from qke_sim.cloud.call import BAD_MESSAGE
from qke_sim.cloud.eip import Eip
from qke_sim.cloud.lookup import alive
from qke_sim.cloud.vxnet import Vxnet

LINKS: Mapping[str, str] = {"etcd": "etcd_service", "elk": "elk_service"}
SIZES: Mapping[str, str] = {"memory": "MiB", "volume_size": "GiB"}
"""The unit of a role's figure in `conf`."""
FIELDS: Mapping[str, str] = {"volume_size": "volume"}
"""How we call what `conf` calls otherwise."""
ROLE_KEYS = ("count", "instance_class", "cpu", "memory", "volume_size")


def bad(sentence: str) -> CloudRefusal:
    """Return the refusal of a message that is wrong in itself."""
    return CloudRefusal(BAD_MESSAGE, f"InvalidRequestFormat, {sentence}")


def json_object(name: str, text: str) -> Mapping[str, Json]:
    """Read a parameter that is a JSON object as text.

    Raises:
        CloudRefusal: 1100.
    """
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        raise bad(f"parameter [{name}] is not JSON") from None
    if not isinstance(found, dict):
        raise bad(f"parameter [{name}] is not a JSON object")
    return cast("Mapping[str, Json]", found)


def read_conf(call: Call, cloud: Cloud) -> ClusterState:
    """Read the wish of a call.

    Raises:
        CloudRefusal: 1100 naming the field that is wrong; 2100 for what is named and not there.
    """
    version = _version(call.required("version_id"))
    conf = json_object("conf", call.required("conf"))
    part, env = _mapping(conf, "cluster"), _mapping(conf, "env")
    written: dict[str, Json] = {
        "apiVersion": "qke/v1",
        "kind": "Cluster",
        "zone": cloud.zone,
        "name": part.get("name", ""),
        "version": version,
        "roles": _roles(part, version),
        "env": dict(env),
        "links": {ours: part.get(theirs) or None for ours, theirs in LINKS.items()},
        "vxnet": part.get("vxnet") or None,
        "billing": _billing(call, conf).model_dump(mode="json"),
    }
    try:
        wish = ClusterDocument.model_validate_json(json.dumps(written))
    except (ValidationError, QkeError) as error:
        raise bad(_first(error)) from None
    _judge(wish)
    _exists(cloud, wish)
    return ClusterState.of_wish(wish)


def _version(version_id: str) -> str:
    try:
        return catalog().by_app_version(version_id).name
    except KeyError:
        raise CloudRefusal(2100, f"ResourceNotFound, app version [{version_id}] not found") from None


def _mapping(conf: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    found = conf.get(name, {})
    if not isinstance(found, Mapping):
        raise bad(f"[{name}] of conf is not an object")
    return found


def _roles(part: Mapping[str, Json], version: str) -> dict[str, Json]:
    known = [role for role in catalog().roles if (version, role) in catalog().shapes]
    return {role: role_wish(_mapping(part, role), role, version) for role in known if role in part}


def role_wish(figures: Mapping[str, Json], role: str, version: str) -> dict[str, Json]:
    """Return the figures of a role as our documents write them; what is the role's default may be left out."""
    default, found = catalog().default_shape(version, role), dict[str, Json]()
    usual = {"instance_class": default.instance_class, "volume_size": default.volume_gib, "count": default.count}
    for key in ROLE_KEYS:
        value = figures.get(key)
        if value is None or (value == usual.get(key) and key != "count"):
            continue
        try:
            number = int(cast("int", value))
        except (TypeError, ValueError):
            raise bad(f"[{role}.{key}] is not a number") from None
        found[FIELDS.get(key, key)] = f"{number}{SIZES[key]}" if key in SIZES else number
    return {"count": default.count, **found}


def _billing(call: Call, conf: Mapping[str, Json]) -> Billing:
    if call.text("charge_mode", "elastic") in ("", "elastic"):
        return ON_DEMAND
    term = str(conf.get("duration") or call.text("duration") or "1m")
    try:
        return Billing.model_validate({"mode": "contract", "term": term})
    except ValidationError:
        raise bad(f"invalid value [{term}] of parameter [duration]") from None


def _first(error: Exception) -> str:
    """Say the first thing that is wrong with a wish."""
    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors(include_url=False)[0]
    return f"[{'.'.join(map(str, found['loc']))}] of conf: {found['msg']}"


def _judge(wish: ClusterDocument) -> None:
    for _, role, sentence, _ in wrong_counts(wish):
        raise bad(f"[{role or 'cluster'}.count] of conf: {sentence}")
    for role, wished in (wish.roles or {}).items():
        for field, flaw in role_flaws(wish.version, role, wished):
            raise bad(f"[{role}.{field}] of conf: {flaw.sentence}")
    for key, flaw in env_flaws(wish.version, wish.env):
        raise bad(f"[env.{key}] of conf: {flaw.sentence}")


def _exists(cloud: Cloud, wish: ClusterDocument) -> None:
    """What the World tells of must be there; a World that is silent about vxnets, EIPs or services takes any."""
    world = cloud.world
    if world.vpcs is not None:
        if not wish.vxnet:
            raise bad("[vxnet] of conf is required")
        found = alive(cloud, Vxnet, wish.vxnet)
        if not found.router_id:
            raise CloudRefusal(1400, f"PermissionDenied, vxnet [{found.id}] does not belong to any VPC")
    if world.eips is not None:
        for key in ("kubesphere_eip", "kubernetes_eip_id"):
            if wish.settings.has(key) and wish.settings.text(key):
                alive(cloud, Eip, wish.settings.text(key))
    if world.linked is not None:
        ids = {service.id for service in world.linked}
        for link in filter(None, (wish.links.etcd, wish.links.elk)):
            if link not in ids:
                raise CloudRefusal(2100, f"ResourceNotFound, cluster [{link}] not found")
