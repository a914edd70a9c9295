"""The ledger of everything: which entry of which file rests on what."""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog.compute import compute
from qke_core.catalog.facts import Entry
from qke_core.catalog.kubesphere import kubesphere
from qke_core.catalog.load import catalog
from qke_core.catalog.network import networks
from qke_core.catalog.operations import operations
from qke_core.catalog.parameter_changes import parameter_changes
from qke_core.catalog.parameters import parameters
from qke_core.catalog.quotas import quotas
from qke_core.catalog.storage import storage


def ledger() -> Iterator[Entry]:
    """Yield every sourced entry of the catalogue and of all books, file by file."""
    for book in (catalog, parameters, parameter_changes, operations, networks, storage, quotas, compute, kubesphere):
        yield from book().entries()
