"""Who gets into which node: the screen of the client, ssh keys, and from the client everywhere; and into the console.

Only the client is opened by its screen (VNC). Root's first password there is known, and the first login makes people
change it. The key of the cluster parameter opens every node; no node takes a password over ssh, but 2.0.0's client.
KubeSphere's console has a first account too, whose password people are told to change, and need not.
Rule: user guide G-086 to G-088, G-109, G-189, G-193, G-194; QKE app repo, client.sh.
"""

from __future__ import annotations

from dataclasses import dataclass

from qke_core.catalog import operations
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.kube.ccm import CONSOLE, CONSOLE_NAMESPACE

USER = "root"
FIRST_PASSWORD = "k8s"  # noqa: S105 - printed in the user guide, and everybody's until the first login
CONSOLE_USER, CONSOLE_PASSWORD = "admin@kubesphere.io", "P@88w0rd"
KEY_PARAMETER = "user.ssh.key"


@dataclass(frozen=True, slots=True)
class Login:
    """How an attempt ended: `why` is "" when it is let in; `change` when a new password must be chosen first.

    `known`: everybody knows the password that let it in, and it should be changed at once.
    """

    why: str = ""
    change: bool = False
    known: bool = False

    @property
    def ok(self) -> bool:
        """Whether there is a shell now."""
        return not self.why and not self.change


def first_password(site: Site) -> str:
    """Return root's password on a new client."""
    known = operations().can(site.cluster.born_as, "password-is-cluster-id")
    return site.cluster.id if known else FIRST_PASSWORD


def by_screen(site: Site, alias: str, password: str, chosen: str = "") -> Login:
    """Log in as root on a node's screen; at the first login `chosen` becomes the password."""
    host = site.hosts[alias]
    if not host.up:
        return Login("it is switched off")
    if host.node.role_kind != "client":
        return Login("only the client is opened by its screen")
    if password != (host.password or first_password(site)):
        return Login("wrong password")
    if not host.password:
        if not chosen:
            return Login(change=True)
        host.password = chosen
    return Login()


def by_key(site: Site, alias: str, key: str) -> Login:
    """Log in by ssh with a private key whose public part is `key`; comments do not count."""
    if why := _deaf(site.hosts[alias]):
        return Login(why)
    given = site.cluster.env.text(KEY_PARAMETER) if site.cluster.env.has(KEY_PARAMETER) else ""
    return Login() if given and _bare(given) == _bare(key) else Login("no such key in authorized_keys")


def by_password(site: Site, alias: str, password: str) -> Login:
    """Log in by ssh with a password: no node takes one, but the client of 2.0.0."""
    host = site.hosts[alias]
    if why := _deaf(host):
        return Login(why)
    if host.node.role_kind == "client" and operations().can(site.cluster.version, "client-password"):
        return by_screen(site, alias, password)
    return Login("passwords are disabled")


def hop(site: Site, start: str, alias: str) -> Login:
    """Go by ssh from a node to another: from the client everywhere, without a password."""
    if why := _deaf(site.hosts[alias]):
        return Login(why)
    if not site.linked(start, alias):
        return Login("no packet gets there")
    return Login() if site.hosts[start].node.role_kind == "client" else Login("passwords are disabled")


def by_console(site: Site, user: str, password: str, chosen: str = "") -> Login:
    """Sign in to KubeSphere's console with its first account; `chosen` becomes its password from then on."""
    console = site.kube.workload(f"{CONSOLE_NAMESPACE}/{CONSOLE}")
    if console is None or not console.available:
        return Login("the console does not answer")
    if (user, password) != (CONSOLE_USER, site.installer.password or CONSOLE_PASSWORD):
        return Login("wrong account or password")
    site.installer.password = chosen or site.installer.password
    return Login(known=not site.installer.password)


def _deaf(host: Host) -> str:
    if not host.up:
        return "it is switched off"
    return "" if host.services.get("ssh", False) else "sshd does not run"


def _bare(key: str) -> tuple[str, ...]:
    """Return algorithm and key, without the comment."""
    return tuple(key.split()[:2])
