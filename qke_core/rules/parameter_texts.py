"""Rules of what stands inside a parameter's text: ports, kubelet flags, SSH key, mirrors, host records.

Rule: docs/rules/parameters.md#texts; guide, Environment parameters, G-056, G-057, G-066, G-081; FAQ, G-193.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address

from qke_core.catalog import networks
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.rules.values import PLATFORM_REGISTRY, written
from qke_core.suggest import nearest

CONFIG = "QKE app repo, app/config.json"
GUIDE = "user guide, Environment parameters"
PORT_MAX = 65_535

KEY_ALGORITHMS = (
    "ssh-rsa",
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-dss",
)
"""What an SSH public key may begin with (assumed: what OpenSSH of Ubuntu 18.04 and later knows)."""


def _port_range(case: Case) -> Iterator[Finding]:
    """A range of ports, with the console's in it where there is one (guide G-066, G-110)."""
    text = _written(case, "cluster_port_range")
    if re.fullmatch(r"\d+-\d+", text, re.ASCII) is None:
        return  # Not written, or of a form that another rule refuses.
    low, high = (int(port) for port in text.split("-"))
    path, console = ("env", "cluster_port_range"), networks().constants["console_port"]
    if not 0 < low < high <= PORT_MAX:
        sentence = f"cluster_port_range: {text} is no range within 1-{PORT_MAX}"
        source = f"{GUIDE}, G-066"
        yield case.finding("parameter.port-range", "blocker", path, sentence, "write it like 30000-32767", source)
    elif case.settings.install_kubesphere and not low <= console <= high:
        sentence = f"cluster_port_range: {text} lacks {console}, the port of the KubeSphere console"
        source = f"{GUIDE}, G-066; KubeSphere console, G-110; {CONFIG}, description from 3.0.0 on"
        remedy = f"choose a range with {console} in it"
        yield case.finding("parameter.port-range", "blocker", path, sentence, remedy, source)


def _kubelet_flags(case: Case) -> Iterator[Finding]:
    """Soft eviction needs its grace period, or kubelet does not start (help text of kubelet.params)."""
    flags = {line.partition("=")[0] for line in _written(case, "kubelet.params").splitlines()}
    pair = ("--eviction-soft", "--eviction-soft-grace-period")
    given = [flag for flag in pair if flag in flags]
    if len(given) == 1:
        missing = next(flag for flag in pair if flag not in flags)
        sentence = f"kubelet.params has {given[0]} without {missing}: kubelet does not start"
        source = "QKE app repo, tag v3.0.0 on, app/locale, help text of kubelet.params"
        path, remedy = ("env", "kubelet.params"), f"add {missing}=..., or take {given[0]} out"
        yield case.finding("parameter.kubelet", "blocker", path, sentence, remedy, source)


def _ssh_key(case: Case) -> Iterator[Finding]:
    """Algorithm, key, optional comment, with blanks between (guide G-081, G-193)."""
    key = _written(case, "user.ssh.key").strip()
    path, source = ("env", "user.ssh.key"), f"{GUIDE}, G-081; FAQ, G-193"
    algorithm, _, rest = key.partition(" ")
    if not key:
        return
    if key.startswith("-----BEGIN"):
        sentence, remedy = "user.ssh.key is a private key", "write the line of the .pub file, and make a new pair"
    elif algorithm not in KEY_ALGORITHMS:
        sentence = f"user.ssh.key begins with {_cut(algorithm)!r}, which is no algorithm of keys"
        near = nearest(algorithm, KEY_ALGORITHMS)
        remedy = f"write the line of the .pub file: {near or KEY_ALGORITHMS[0]} AAAA... name"
    elif re.fullmatch(r"[A-Za-z0-9+/]{8,}={0,2}( [^\r\n]*)?", rest) is None:
        sentence = f"user.ssh.key: what follows {algorithm} is not a key and a comment with blanks between"
        remedy = f"write the line of the .pub file: {algorithm} AAAA... name"
    else:
        return
    yield case.finding("parameter.ssh-key", "blocker", path, sentence, remedy, source)


def _aliases(case: Case) -> Iterator[Finding]:
    """The pattern lets 192.168.0.999 pass; a resolver would not use the line (guide G-056)."""
    for record in _written(case, "host_aliases").split(","):
        address = record.split()[0] if record.split() else ""
        if re.fullmatch(r"(\d{1,3}\.){3}\d{1,3}", address, re.ASCII) and not _is_address(address):
            sentence = f"host_aliases: {address} is no IPv4 address, so {record.strip()!r} does nothing"
            path, source = ("env", "host_aliases"), f"{GUIDE}, G-056"
            remedy = "write four numbers from 0 to 255, without zeros in front"
            yield case.finding("parameter.no-effect", "warning", path, sentence, remedy, source)


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _mirrors(case: Case) -> Iterator[Finding]:
    """Mirrors are full addresses (guide G-057); the platform's own registry is none (guide G-200)."""
    path, version = ("env", "registry_mirrors"), case.version
    mirrors = _written(case, "registry_mirrors").split()
    for mirror in mirrors if version.startswith("1.") else ():
        if not mirror.startswith(("http://", "https://")):
            sentence = f"registry_mirrors: {_cut(mirror)!r} is no full address; docker does not start with it"
            remedy, source = f"write https://{_cut(mirror)}", f"{GUIDE}, G-057; docker, registry-mirrors"
            yield case.finding("parameter.mirror", "blocker", path, sentence, remedy, source)
    for mirror in () if version.startswith("1.") else mirrors:
        if mirror.endswith(PLATFORM_REGISTRY):
            sentence = f"registry_mirrors: {_cut(mirror)!r} is dropped, it is the platform's own registry"
            source = "QKE app repo, tag v2.0.0 on, confd template docker.sh; user guide, Release history, G-200"
            yield case.finding("parameter.mirror", "warning", path, sentence, "leave it out", source)


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."  # noqa: PLR2004 - a sentence fits on a line


def _written(case: Case, key: str) -> str:
    return written(case.version, case.wish.env, key)


RULES: tuple[Rule, ...] = (_port_range, _kubelet_flags, _ssh_key, _mirrors, _aliases)
