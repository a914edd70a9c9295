"""What a node does by itself at night: renewing certificates and pruning docker; and the end of a certificate.

A timer that changes nothing costs nothing. Its next night is not the coming one but the first on which something is
due; it is worked out again whenever certificates, garbage or figures change. Only what can be seen every night is run
every night: 1.0.1 kills the control plane of every master at midnight. None of this keeps a run going.
Rule: QKE app repo, units kube-certs.timer and docker-prune.timer, confd template root-crontab; catalogue, `nodes.toml`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from qke_core.catalog import Night, catalog
from qke_core.units import MS_PER_S
from qke_sim.hosts.certificates import RENEWED, renew
from qke_sim.hosts.host import Host
from qke_sim.hosts.prune import prunable, prune
from qke_sim.hosts.site import FIRST_MASTER, Site
from qke_sim.kernel import Process

DAY_MS = 86_400 * MS_PER_S
EVERY_LIMIT = 400
"""Nights that are looked through for one whose day of the year is divided: more than a year of them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def attach_timers(site: Site, host: Host) -> None:
    """Give a node its timers; they plan again when told that certificates or garbage changed."""
    timers = NodeTimers(site, host)
    host.on_certificates = timers.plan_certificates
    host.on_garbage = timers.plan_prune
    if host.certificates:
        timers.plan_certificates(0)


@dataclass(slots=True)
class NodeTimers:
    """The timers of one node; each plan makes the one before void."""

    site: Site
    host: Host
    _renewals: int = 0
    _expiries: int = 0
    _prunes: int = 0

    @property
    def night(self) -> Night:
        """What the cluster's version does."""
        return catalog().night(self.site.cluster.version)

    # Certificates

    def plan_certificates(self, cause: int) -> None:
        """Plan the next renewal, and the instant at which the certificate that the API server shows ends."""
        self._renewals += 1
        self._expiries += 1
        if not self.host.certificates:
            return
        self._plan_renewal(cause)
        loaded, begun = self.host.loaded, self._expiries
        if loaded is not None and loaded.ends_ms > self.site.kernel.now:
            self._at(loaded.ends_ms, lambda: begun == self._expiries, lambda: self._expire(cause))

    def _plan_renewal(self, cause: int) -> None:
        night, now = self.night, self.site.kernel.now
        if night.restarts == "always":
            at_ms = next_night(self.site, night.at_s, now + 1)
        else:
            at_ms = next_night(self.site, night.at_s, max(self._due_ms(), now + 1))
        begun = self._renewals
        at_ms += self._delay(night.delay)
        self._at(at_ms, lambda: begun == self._renewals, lambda: self._run(cause))

    def _due_ms(self) -> int:
        limit_ms = catalog().constant("certificate_renew_s") * MS_PER_S
        return min(found.ends_ms for found in self.host.certificates.values()) - limit_ms - self.host.clock_skew_ms

    def _run(self, cause: int) -> None:
        if not self._active("kube-certs.timer"):
            return  # Persistent timers run at the next start, which plans again.
        seq = self.site.kernel.trace.add("timer.fired", self.host.subject, cause, timer="kube-certs")
        if self.night.restarts == "never":
            renew(self.site, self.host, seq, self._due_names(), reload=False)
            return
        self.host.execute(self._renew(seq))

    def _due_names(self) -> list[str]:
        """List what is renewed tonight: each file by itself, or all as soon as one is due."""
        limit_ms = catalog().constant("certificate_renew_s") * MS_PER_S
        ends = self.host.clock_ms + limit_ms
        due = [name for name, found in self.host.certificates.items() if found.ends_ms <= ends]
        return list(RENEWED) if due and self.night.renews == "all" else due

    def _renew(self, cause: int) -> Process[int]:
        """Renew what is due, then restart the control plane: always, or when something was renewed."""
        night, host, site = self.night, self.host, self.site
        names = self._due_names()
        if names:
            yield host.take("renew-certificates")
            cause = renew(site, host, cause, names, reload=False)
        else:
            self._plan_renewal(cause)
        if night.restarts == "always" or names:
            if night.restarts == "always":
                cause = site.stop_kubelet(host.alias, cause)
                site.start_kubelet(host.alias, host.kubelet_version, cause)
            yield from self._restart_control_plane(cause, "killed at midnight" if night.restarts == "always" else "")
        if names and host.alias == FIRST_MASTER:
            site.copy_kubeconfig(cause)
        return 0

    def _restart_control_plane(self, cause: int, why: str) -> Process[None]:
        plane, alias = self.site.plane, self.host.alias
        if alias not in plane.masters:
            return
        plane.set_process(alias, up=False, cause=cause, why=why or "it got SIGHUP")
        yield self.host.take("sighup")
        self.site.start_apiserver(alias, cause)

    def _expire(self, cause: int) -> None:
        why = self.site.why_refused(self.host.alias)
        if why:
            seq = self.site.kernel.trace.add("certificate.ended", self.host.subject, cause, why=why)
            self.site.judge_certificates(self.host.alias, seq)

    # Docker

    def plan_prune(self, cause: int) -> None:
        """Plan the first night on which a prune finds something; nothing is planned when it never does."""
        self._prunes += 1
        night, days = self.night, self._days()
        if not self.host.garbage or self.host.node.role_kind == "client" or (days == 0 and night.zero == "skip"):
            return
        now, begun = self.site.kernel.now, self._prunes
        if night.days == "age":
            oldest = min(piece.since_ms for piece in self.host.garbage)
            at_ms = next_night(self.site, night.prune_at_s, max(oldest + days * DAY_MS, now + 1))
            at_ms += self._delay(night.prune_delay)
        else:
            found = first_divided(self.site, night.prune_at_s, now + 1, days)
            if found is None:
                return
            at_ms = found
        self._at(at_ms, lambda: begun == self._prunes, lambda: self._prune(cause))

    def _prune(self, cause: int) -> None:
        if not self._active("docker-prune.timer"):
            return  # As above.
        if prunable(self.host, self._age_days(), self.site.kernel.now):
            seq = self.site.kernel.trace.add("timer.fired", self.host.subject, cause, timer="docker-prune")
            cause = prune(self.host, self._age_days(), seq)
        self.plan_prune(cause)

    def _days(self) -> int:
        env = self.site.cluster.env
        return env.number("docker_prune_days") if env.has("docker_prune_days") else 0

    def _age_days(self) -> int:
        return self._days() if self.night.days == "age" else 0

    # Planning

    def _active(self, timer: str) -> bool:
        """Whether the timer runs; cron always does, on a machine that is up."""
        return self.host.up and self.host.services.get(timer, True)

    def _delay(self, name: str) -> int:
        return self.site.kernel.streams.draw(self.host.subject, catalog().duration(name)) if name else 0

    def _at(self, at_ms: int, valid: Callable[[], bool], action: Callable[[], None]) -> None:
        def fire() -> None:
            if valid() and self.site.hosts.get(self.host.alias) is self.host:
                action()

        self.site.kernel.housekeeping(at_ms - self.site.kernel.now, fire)


def next_night(site: Site, at_s: int, from_ms: int) -> int:
    """Return the first instant from `from_ms` on at which local clocks show `at_s` seconds after midnight."""
    offset_ms = catalog().constant("node_utc_offset_s") * MS_PER_S
    since_midnight = (site.kernel.epoch_ms + offset_ms + from_ms) % DAY_MS
    return from_ms + (at_s * MS_PER_S - since_midnight) % DAY_MS


def first_divided(site: Site, at_s: int, from_ms: int, days: int) -> int | None:
    """Return the first such instant on a day of the year that `days` divides; None when there is none."""
    if days == 0:
        return None
    first = next_night(site, at_s, from_ms)
    return next(
        (at for at in _nights(first) if _day_of_year(site, at) % days == 0),
        None,
    )


def _nights(first: int) -> Iterable[int]:
    return (first + number * DAY_MS for number in range(EVERY_LIMIT))


def _day_of_year(site: Site, at_ms: int) -> int:
    offset_ms = catalog().constant("node_utc_offset_s") * MS_PER_S
    day = _EPOCH + timedelta(milliseconds=site.kernel.epoch_ms + offset_ms + at_ms)
    return day.timetuple().tm_yday
