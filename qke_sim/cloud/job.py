"""Jobs: what the cloud does after it has answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import simpy

from qke_core.effects import Json, JsonObject

PENDING, WORKING, SUCCESSFUL, FAILED = "pending", "working", "successful", "failed"


@dataclass(slots=True)
class Job:
    """One asynchronous action.

    `status` is a word of the API; `code` the product's exit code, 0 when there is none; `cluster_id` "" unless the
    platform works it off. `ended` happens when it ends, and its value is the record of that; `last` is the newest
    record of its work, as far as the work tells.
    """

    job_id: str
    action: str
    resource_ids: tuple[str, ...]
    ended: simpy.Event
    cluster_id: str = ""
    status: str = PENDING
    code: int = 0
    owner: str = ""
    directive: JsonObject = field(default_factory=dict[str, Json])
    create_ms: int = 0
    status_ms: int = 0
    last: int = 0

    @property
    def finished(self) -> bool:
        """Whether it came to an end, good or bad."""
        return self.status not in (PENDING, WORKING)

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeJobs shows it, without times."""
        return {
            "job_id": self.job_id,
            "job_action": self.action,
            "status": self.status,
            "error_codes": str(self.code) if self.code else "",
            "resource_ids": " ".join(self.resource_ids),
            "owner": self.owner,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request came to: the answer of the call and, when it made a job, how that ended.

    `ret_code` is the answer's; `failed` also when the job did not end well; `cause` is the newest record of it.
    """

    ret_code: int
    message: str
    answer: Mapping[str, Json]
    cause: int
    job_status: str = ""

    @property
    def failed(self) -> bool:
        """Whether the call was refused, or its job did not end well."""
        return self.ret_code != 0 or self.job_status not in ("", SUCCESSFUL)
