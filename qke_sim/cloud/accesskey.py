"""API access keys of the account. Clients ask for them at their start, to learn whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import ClassVar

from qke_core.effects import Json
from qke_sim.cloud.call import Call
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED, Actions, alive, listing
from qke_sim.cloud.shown import shown
from qke_sim.cloud.stamp import USER
from qke_sim.cloud.store import Thing

ID_LENGTH = 20
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(slots=True, kw_only=True, eq=False)
class AccessKey(Thing):
    """A key; its secret is nobody's business here."""

    kind: ClassVar[str] = "access_key"
    prefix: ClassVar[str] = "ak"

    status: str = "active"

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeAccessKeys shows it."""
        return {
            "access_key_id": self.id,
            "access_key_name": self.name,
            "status": self.status,
            "root_user_id": USER,
            "console_id": "qingcloud",
            "controller": "self",
            "ip_white_list": "",
            "description": self.description,
        }


def key_id(name: str) -> str:
    """Return a key id as the cloud gives them: 20 capital letters, always the same for a name."""
    digest = sha256(name.encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:ID_LENGTH])


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    """List the keys; an account of which no key is known has one all the same, else nobody could ask (derived)."""
    keys = cloud.store.all(AccessKey) or [AccessKey(id=key_id("account"))]
    return listing(call, keys, ids="access_keys", into="access_key_set", show=partial(shown, cloud))


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [alive(cloud, AccessKey, name) for name in call.required_texts("access_keys")]

    def done(cause: int) -> None:
        for key in found:
            cloud.store.change(key, cause, status=CEASED)

    job = cloud.begin("DeleteAccessKeys", found, "", call, work="api-call", done=done)
    return {"access_keys": [key.id for key in found], "job_id": job.job_id}


ACTIONS: Actions = {"DescribeAccessKeys": _describe, "DeleteAccessKeys": _delete}
