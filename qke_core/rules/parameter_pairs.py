"""Rules of parameters that make something of each other: what does nothing, and what does too much.

Rule: docs/rules/parameters.md#together; QKE app repo, app/config.json, dependencies; guide, Environment parameters,
G-050, G-051, G-062.
"""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import catalog, parameters
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.rules.values import read_pools

CONFIG = "QKE app repo, app/config.json"
GUIDE = "user guide, Environment parameters"

PARTNERS = (
    ("kube_audit_webhook", "kube_audit_policy", "QKE app repo, tag v3.1.0 on, confd template kube.sh/05.kubeadm.conf"),
    ("kubernetes_eip_port", "kubernetes_eip", "QKE app repo, tag v3.0.0 on, confd template kube.sh/01.node.env"),
)
"""A parameter, the one without which it does nothing, and who says so."""

ECLIPSED = (("kubernetes_eip_port", "kubernetes_eip_id", "QKE app repo, tag v3.1.0 on, getKubeConfig of k8s-ctl.sh"),)
"""A parameter, the one beside which it does nothing, and who says so."""


def _hidden(case: Case) -> Iterator[Finding]:
    """A parameter that another one hides does nothing (app/config.json, dependencies)."""
    known = parameters().env(case.version)
    for key in case.wish.env:
        for need in known[key].depends_on if key in known else ():
            value = case.settings.values.get(need.key)
            if value not in need.values:
                sentence = f"{key} does nothing while {need.key} is {value}"
                remedy = f"leave it out, or write {need.key}: {' or '.join(need.values)}"
                yield case.finding("parameter.no-effect", "warning", ("env", key), sentence, remedy, CONFIG)


def _without_kubesphere(case: Case) -> Iterator[Finding]:
    """Console EIP and modules are pointless without KubeSphere (guide G-050, G-051)."""
    for key, statement in (("kubesphere_eip", "G-050"), ("extra.modules", "G-051")):
        if case.wish.env.get(key) and case.settings.has(key) and not case.settings.install_kubesphere:
            sentence, source = f"{key} does nothing: KubeSphere is not installed", f"{GUIDE}, {statement}"
            remedy = "leave it out, or write install_kubesphere: true"
            yield case.finding("parameter.no-effect", "warning", ("env", key), sentence, remedy, source)


def _partners(case: Case) -> Iterator[Finding]:
    """Parameters that do nothing without another one, or beside it."""
    settings, written_keys = case.settings, [key for key, given in case.wish.env.items() if given]
    for key, partner, source in PARTNERS:
        if key in written_keys and settings.has(key) and not settings.values.get(partner):
            sentence, remedy = f"{key} does nothing: {partner} is empty", f"leave it out, or write {partner} too"
            yield case.finding("parameter.no-effect", "warning", ("env", key), sentence, remedy, source)
    for key, winner, source in ECLIPSED:
        if key in written_keys and settings.has(key) and settings.values.get(winner):
            sentence, remedy = f"{key} does nothing: {winner} wins", f"leave it out, or leave {winner} out"
            yield case.finding("parameter.no-effect", "warning", ("env", key), sentence, remedy, source)


def _hostnic_choices(case: Case) -> Iterator[Finding]:
    """With hostnic at 3.3.0: what its values make of each other (descriptions in the form)."""
    settings, source = case.settings, "QKE app repo, tag v3.3.0, app/config.json, descriptions"
    if settings.values.get("network_plugin") != "hostnic" or not settings.has("hostnic-ipam"):
        return
    policy = settings.text("hostnic-networkpolicy")
    if "hostnic-networkpolicy" in case.wish.env and policy not in {"calico", ""}:
        sentence = f"hostnic-networkpolicy: {policy!r} is not calico, so network policies are not enforced"
        path, remedy = ("env", "hostnic-networkpolicy"), "write calico, or nothing to have no network policies"
        yield case.finding("parameter.no-effect", "warning", path, sentence, remedy, source)
    pools = read_pools(settings.text("hostnic-ipam")) or {}
    if "hostnic-ipam" in case.wish.env and settings.flag("hostnic-autoassign") and pools.get("Default"):
        sentence = "The list Default of hostnic-ipam is ignored while hostnic-autoassign is on"
        path, remedy = ("env", "hostnic-ipam"), "empty the list, or write hostnic-autoassign: false"
        yield case.finding("parameter.no-effect", "warning", path, sentence, remedy, source)


def _console_needs_worker(case: Case) -> Iterator[Finding]:
    """From 3.0.0 on the form asks for a worker where the console has an EIP (description of kubesphere_eip)."""
    since = catalog().order.index(case.version) >= catalog().order.index("3.0.0")
    wished = case.wish.env.get("kubesphere_eip") and case.settings.install_kubesphere
    if since and wished and not case.goal.count("worker"):
        sentence = "kubesphere_eip asks for at least one worker, and the wish has none"
        source = "QKE app repo, tag v3.0.0 on, app/locale, help text of kubesphere_eip"
        path, remedy = ("env", "kubesphere_eip"), "add a worker, or leave kubesphere_eip out"
        yield case.finding("parameter.eip-without-worker", "warning", path, sentence, remedy, source)


def _prune(case: Case) -> Iterator[Finding]:
    """0 means never, by the guide; at 2.0.0 and 3.0.0 it prunes everything (guide G-061, G-062)."""
    days = case.settings.values["docker_prune_days"]
    if case.version in {"2.0.0", "3.0.0"} and days == 0 and not isinstance(days, bool):
        written = "docker_prune_days" in case.wish.env
        sentence = f"docker_prune_days: 0 prunes everything unused each night at QKE {case.version}, instead of nothing"
        source = f"{GUIDE}, G-061, G-062; QKE app repo, tag v{case.version}, runDockerPrune of k8s.sh"
        path, remedy = ("env", "docker_prune_days") if written else ("version",), "write docker_prune_days: 30"
        yield case.finding("parameter.prune-all", "warning", path, sentence, remedy, source)


RULES: tuple[Rule, ...] = (_without_kubesphere, _console_needs_worker, _hidden, _partners, _hostnic_choices, _prune)
