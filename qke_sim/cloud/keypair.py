"""SSH key pairs, and which instances take them.

A key comes onto an instance with AttachKeyPairs, while it runs or when it starts next; RunInstances and ResetInstances
bring one from the beginning. The client of a cluster has a password instead, changed at its first login (G-087), and
keys come to its nodes by a parameter of the cluster (G-193): neither is a key pair of the account.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from qke_core.effects import Json
from qke_core.resources import Resource
from qke_sim.cloud.call import IN_USE, Call, CloudRefusal, denied, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.instance import HERE, Instance
from qke_sim.cloud.lookup import ABSENT, CEASED, Actions, alive, idle_in, listing, rename
from qke_sim.cloud.shown import shown
from qke_sim.cloud.store import Thing
from qke_sim.ids import make_id

METHODS = ("ssh-rsa", "ssh-dss")
MODES = ("system", "user")


@dataclass(slots=True, kw_only=True, eq=False)
class KeyPair(Thing):
    """A key pair; its status is "" while it is there. Instances name it, not the other way round."""

    kind: ClassVar[str] = "keypair"
    prefix: ClassVar[str] = "kp"

    encrypt_method: str = "ssh-rsa"
    pub_key: str = ""

    def charged(self) -> Resource | None:
        """It counts while it is there."""
        return None if self.status == CEASED else Resource(self.label, "keypair", self.origin)

    def describe(self) -> dict[str, Json]:
        """Return it without the instances that take it."""
        return {
            "keypair_id": self.id,
            "keypair_name": self.name,
            "encrypt_method": self.encrypt_method,
            "pub_key": self.pub_key,
            "description": self.description,
        }


def users_of(cloud: Cloud, keypair: KeyPair) -> list[Instance]:
    """List the instances that take a key."""
    return [found for found in cloud.store.all(Instance) if keypair.id in found.keypairs and found.status not in ABSENT]


def _show(cloud: Cloud, keypair: KeyPair) -> dict[str, Json]:
    users: list[Json] = [instance.id for instance in users_of(cloud, keypair)]
    return {**shown(cloud, keypair), "instance_ids": users, "resource_ids": users}


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    method, instance_id = call.text("encrypt_method"), call.text("instance_id")
    found = [
        keypair
        for keypair in cloud.store.all(KeyPair)
        if method in ("", keypair.encrypt_method)
        and (not instance_id or instance_id in [user.id for user in users_of(cloud, keypair)])
    ]
    return listing(call, found, ids="keypairs", into="keypair_set", show=partial(_show, cloud))


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Make a pair; one that the system makes shows its private part this once."""
    name, mode = call.required("keypair_name"), call.text("mode", "system")
    method = call.text("encrypt_method", "ssh-rsa")
    if mode not in MODES:
        raise invalid("mode", mode)
    if method not in METHODS:
        raise invalid("encrypt_method", method)
    public = call.required("public_key") if mode == "user" else ""
    cloud.allowance.require([Resource("new", "keypair", "user")])
    new_id = cloud.store.new_id(KeyPair)
    public = public or f"{method} {make_id('public', new_id, length=40)}"
    new = cloud.store.add(KeyPair(id=new_id, name=name, encrypt_method=method, pub_key=public), call.seq, call.by)
    answer: dict[str, Json] = {"keypair_id": new.id}
    return answer if mode == "user" else {**answer, "private_key": make_id("private", new.id, length=40)}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [alive(cloud, KeyPair, name) for name in call.required_texts("keypairs")]
    for keypair in found:
        for instance in users_of(cloud, keypair):
            raise CloudRefusal(IN_USE, f"DependencyError, keypair [{keypair.id}] is used by instance [{instance.id}]")
    for keypair in found:
        cloud.store.change(keypair, call.seq, status=CEASED)
    return {"keypairs": [keypair.id for keypair in found]}


def _both(cloud: Cloud, call: Call, sentence: str) -> tuple[list[str], list[Instance]]:
    keypairs = [alive(cloud, KeyPair, name).id for name in call.required_texts("keypairs")]
    return keypairs, [idle_in(cloud, Instance, name, HERE, sentence) for name in call.required_texts("instances")]


def _attach(cloud: Cloud, call: Call) -> dict[str, Json]:
    keypairs, instances = _both(cloud, call, "take key pairs")

    def done(cause: int) -> None:
        for instance in instances:
            cloud.store.change(instance, cause, keypairs=list(dict.fromkeys([*instance.keypairs, *keypairs])))

    return {
        "job_id": cloud.begin("AttachKeyPairs", instances, "updating", call, work="keypair-attach", done=done).job_id
    }


def _detach(cloud: Cloud, call: Call) -> dict[str, Json]:
    keypairs, instances = _both(cloud, call, "give up key pairs")
    for instance in instances:
        for keypair in keypairs:
            if keypair not in instance.keypairs:
                raise denied(f"keypair [{keypair}] is not attached to instance [{instance.id}]")

    def done(cause: int) -> None:
        for instance in instances:
            kept = [name for name in instance.keypairs if name not in keypairs]
            cloud.store.change(instance, cause, keypairs=kept)

    return {
        "job_id": cloud.begin("DetachKeyPairs", instances, "updating", call, work="keypair-attach", done=done).job_id
    }


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    rename(cloud, alive(cloud, KeyPair, call.required("keypair")), call, "keypair_name")
    return {}


ACTIONS: Actions = {
    "DescribeKeyPairs": _describe,
    "CreateKeyPair": _create,
    "DeleteKeyPairs": _delete,
    "AttachKeyPairs": _attach,
    "DetachKeyPairs": _detach,
    "ModifyKeyPairAttributes": _modify,
}
