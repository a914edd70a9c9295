"""The pure domain: facts, models, rules, planner and workflows, without clock, luck or I/O.

What is public is what each module and package listed here offers: `from qke_core.errors import QkeError`,
`from qke_core.effects import perform`. The names are not repeated at the top. A second home would make two spellings of
one thing; `catalog` would have to be a function here and is a package already; and importing one error class would load
pydantic and networkx, which a command such as `--help` must not pay for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Type checkers look for listed names here; a star import loads listed modules by itself.
    from qke_core import (
        autoscaling,
        billing,
        catalog,
        cidr,
        documents,
        effects,
        errors,
        goal,
        health,
        inventory,
        journal,
        lifecycle,
        models,
        netview,
        plan,
        quota,
        reach,
        reload,
        repair,
        resources,
        rules,
        runner,
        suggest,
        units,
        upgraded,
        versions,
        workflows,
    )

__all__ = [
    "autoscaling",
    "billing",
    "catalog",
    "cidr",
    "documents",
    "effects",
    "errors",
    "goal",
    "health",
    "inventory",
    "journal",
    "lifecycle",
    "models",
    "netview",
    "plan",
    "quota",
    "reach",
    "reload",
    "repair",
    "resources",
    "rules",
    "runner",
    "suggest",
    "units",
    "upgraded",
    "versions",
    "workflows",
]
