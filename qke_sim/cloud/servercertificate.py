"""Server certificates that listeners of type https and ssl show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from qke_core.effects import Json
from qke_sim.cloud.call import IN_USE, Call, CloudRefusal
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.loadbalancer import Listener
from qke_sim.cloud.lookup import CEASED, Actions, alive, listing, rename
from qke_sim.cloud.shown import shown
from qke_sim.cloud.store import Thing


@dataclass(slots=True, kw_only=True, eq=False)
class ServerCertificate(Thing):
    """A certificate. Of its key only that it was given is kept."""

    kind: ClassVar[str] = "server_certificate"
    prefix: ClassVar[str] = "sc"

    certificate_content: str

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeServerCertificates shows it."""
        return {
            "server_certificate_id": self.id,
            "server_certificate_name": self.name,
            "description": self.description,
            "certificate_content": self.certificate_content,
            "private_key": "",
        }


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = cloud.store.all(ServerCertificate)
    show = partial(shown, cloud)
    return listing(call, found, ids="server_certificates", into="server_certificate_set", show=show)


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    content, _ = call.required("certificate_content"), call.required("private_key")
    name = call.text("server_certificate_name")
    new = ServerCertificate(id=cloud.store.new_id(ServerCertificate), name=name, certificate_content=content)
    return {"server_certificate_id": cloud.store.add(new, call.seq, call.by).id}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [alive(cloud, ServerCertificate, name) for name in call.required_texts("server_certificates")]
    for certificate in found:
        for listener in cloud.store.all(Listener):
            if listener.status != CEASED and certificate.id in listener.form.server_certificate_id:
                sentence = f"server certificate [{certificate.id}] is used by listener [{listener.id}]"
                raise CloudRefusal(IN_USE, f"DependencyError, {sentence}")
    for certificate in found:
        cloud.store.change(certificate, call.seq, status=CEASED)
    return {"server_certificates": [certificate.id for certificate in found]}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    certificate = alive(cloud, ServerCertificate, call.required("server_certificate"))
    rename(cloud, certificate, call, "server_certificate_name")
    return {}


ACTIONS: Actions = {
    "CreateServerCertificate": _create,
    "DescribeServerCertificates": _describe,
    "DeleteServerCertificates": _delete,
    "ModifyServerCertificateAttributes": _modify,
}
"""Server certificates."""
