"""The account: its jobs, its money, and the leases of what it has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal

from qke_core.billing import cents, default_prices, plain, price_of
from qke_core.catalog import compute
from qke_core.effects import Json
from qke_core.resources import Resource
from qke_sim.cloud.call import Call, not_found
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.job import Job
from qke_sim.cloud.lookup import GONE, Actions, require_leased
from qke_sim.cloud.stamp import USER, render_time
from qke_sim.cloud.store import Thing
from qke_sim.ids import make_id


def show_job(cloud: Cloud, job: Job, *, verbose: bool = False) -> dict[str, Json]:
    """Return a job as answers have it; clients read the parameters of its call in `directive`."""
    given = {key: value for key, value in job.directive.items() if not key.startswith("_")}
    shown: dict[str, Json] = {
        **job.describe(),
        "owner": USER,
        "directive": json.dumps({"action": job.action, **given}, sort_keys=True),
        "create_time": render_time(cloud.kernel, job.create_ms),
        "status_time": render_time(cloud.kernel, job.status_ms),
    }
    resources: dict[str, Json] = {"resources": list(job.resource_ids), "extras": {}}
    return {**shown, **resources} if verbose else shown


def _jobs(cloud: Cloud, call: Call) -> dict[str, Json]:
    """List jobs, the newest first; an unknown one is an error, unlike with other things."""
    wanted, statuses, action = call.texts("jobs"), call.texts("status"), call.text("job_action")
    for job_id in wanted:
        if job_id not in cloud.jobs:
            raise not_found("job", job_id)
    found = [
        job
        for job in reversed(cloud.jobs.values())
        if (not wanted or job.job_id in wanted)
        and (not statuses or job.status in statuses)
        and action in ("", job.action)
    ]
    verbose = call.flag("verbose")
    return {"job_set": [show_job(cloud, job, verbose=verbose) for job in call.page(found)], "total_count": len(found)}


def _projects(cloud: Cloud, call: Call) -> dict[str, Json]:
    """List the account's one project, which holds everything."""
    project: dict[str, Json] = {
        "project_id": make_id("pj", "account"),
        "project_name": "default",
        "description": "",
        "status": "active",
        "enabled": 1,
        "owner": USER,
        "root_user_id": USER,
        "console_id": "qingcloud",
        "create_time": render_time(cloud.kernel, 0),
    }
    wanted, statuses = call.texts("project_ids"), call.texts("status")
    shown = (not wanted or project["project_id"] in wanted) and (not statuses or "active" in statuses)
    return {"project_set": [project] if shown else [], "total_count": int(shown)}


def _balance(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Answer what is left of the money the account began with."""
    _ = call
    left = compute().constants["balance_cny"] - sum(_charged(cloud).values(), Decimal(0))
    return {"user_id": USER, "balance": plain(cents(left)), "bonus": "0.00", "coupons": []}


def _charged(cloud: Cloud) -> dict[str, Decimal]:
    """Return CNY charged so far, by owner."""
    return {} if cloud.meter is None else dict(cloud.meter.charged_so_far(cloud.kernel.now))


def _charge_sums(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Answer what was charged since the start, by owner; the real answer's form is not public."""
    duration = call.text("duration", "total")
    sums: list[Json] = [
        {"owner": owner, "duration": duration, "total": plain(cents(amount)), "currency": "cny"}
        for owner, amount in sorted(_charged(cloud).items())
    ]
    return {"charge_sum_set": sums}


def _lease(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Answer the lease of one resource: since when it is paid for, and how much an hour."""
    wanted = call.required("resource")
    thing = next((found for found in cloud.store.everything() if found.id == wanted), None)
    charged = () if thing is None or thing.status in GONE else _charged_of(cloud, thing)
    if thing is None or not charged:
        raise not_found("lease info of resource", wanted)
    require_leased(cloud, thing)
    return {"lease_info": _lease_info(cloud, thing, charged)}


def _charged_of(cloud: Cloud, thing: Thing) -> tuple[Resource, ...]:
    """Return what is charged under a thing's name: itself, and what is a part of it by label."""
    parts = (found for found in cloud.store.everything() if found is thing or found.label == f"{thing.label}/system")
    return tuple(resource for found in parts if (resource := found.charged()) is not None)


def _lease_info(cloud: Cloud, thing: Thing, charged: Sequence[Resource]) -> dict[str, Json]:
    step_ms = compute().constants["lease_s"] * 1000
    terms = (cloud.kernel.now - thing.create_ms) // step_ms + 1
    price = sum((price_of(found, default_prices(), cloud.zone) for found in charged), Decimal(0))
    since = render_time(cloud.kernel, thing.create_ms)
    return {
        "resource_id": thing.id,
        "zone_id": cloud.zone,
        "status": "active",
        "lease_time": since,
        "renewal_time": render_time(cloud.kernel, thing.create_ms + terms * step_ms),
        "renewal": "auto",
        "contract": {
            "contract_id": make_id("ct", thing.id),
            "duration": "1h",
            "price": plain(price),
            "start_time": since,
        },
    }


ACTIONS: Actions = {
    "DescribeJobs": _jobs,
    "DescribeProjects": _projects,
    "GetBalance": _balance,
    "GetChargeSums": _charge_sums,
    "GetLeaseInfo": _lease,
}
