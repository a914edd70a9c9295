"""All families of resources: which actions the cloud itself answers. The platform's own stand beside them."""

from __future__ import annotations

from qke_sim.cloud import (
    accesskey,
    account,
    alarm,
    alarmpolicy,
    eip,
    instancelife,
    instancerun,
    instanceview,
    keypair,
    lbbackends,
    lbcontrol,
    lblisteners,
    monitor,
    nic,
    notification,
    router,
    routerstatic,
    routervxnet,
    securitygroup,
    securityrule,
    servercertificate,
    snapshot,
    tag,
    volume,
    vxnet,
    zone,
)
from qke_sim.cloud.lookup import Actions

FAMILIES: tuple[Actions, ...] = (
    vxnet.ACTIONS,
    router.ACTIONS,
    routervxnet.ACTIONS,
    routerstatic.ACTIONS,
    eip.ACTIONS,
    securitygroup.ACTIONS,
    securityrule.ACTIONS,
    lbcontrol.ACTIONS,
    lblisteners.ACTIONS,
    lbbackends.ACTIONS,
    servercertificate.ACTIONS,
    instanceview.ACTIONS,
    instancerun.ACTIONS,
    instancelife.ACTIONS,
    volume.ACTIONS,
    snapshot.ACTIONS,
    nic.ACTIONS,
    keypair.ACTIONS,
    tag.ACTIONS,
    accesskey.ACTIONS,
    zone.ACTIONS,
    account.ACTIONS,
    monitor.ACTIONS,
    notification.ACTIONS,
    alarmpolicy.ACTIONS,
    alarm.ACTIONS,
)

ACTIONS: Actions = {name: handler for family in FAMILIES for name, handler in family.items()}
"""Every action of the cloud, family by family."""
