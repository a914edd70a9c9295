"""What handlers of all families ask first: is it there, is it idle, may it go; and how a Describe action answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, TypedDict, TypeVar, cast, get_args

from qke_core.catalog import catalog
from qke_core.effects import Json
from qke_core.resources import Origin
from qke_sim.cloud.call import Call, denied, invalid, not_found
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.store import Store, Thing
from qke_sim.streams import Streams

T = TypeVar("T", bound=Thing)
Actions: TypeAlias = Mapping[str, Callable[[Cloud, Call], dict[str, Json]]]
"""The actions of one family, by their API names."""

CEASED, DELETED, RELEASED = "ceased", "deleted", "released"
GONE = frozenset({CEASED, RELEASED})
"""Statuses of what is no more; the store keeps it, no id leads there. In the recycle bin is not gone."""

ABSENT = GONE | {DELETED, "terminated"}
"""Statuses of what occupies nothing and uses nothing: gone, or in the recycle bin."""


def words(kind: type[Thing]) -> str:
    """Return what messages call a kind of thing."""
    return kind.kind.replace("_", " ")


def alive(cloud: Cloud, kind: type[T], resource_id: str) -> T:
    """Return a thing that is not gone.

    Raises:
        CloudRefusal: 2100.
    """
    found = cloud.store.find(kind, resource_id)
    if found is None or found.status in GONE:
        raise not_found(words(kind), resource_id)
    return found


def idle(cloud: Cloud, kind: type[T], resource_id: str) -> T:
    """Return a thing that is not gone and with which nothing is going on.

    Raises:
        CloudRefusal: 2100; 1400 while it is in transition.
    """
    found = alive(cloud, kind, resource_id)
    if found.transition_status:
        raise denied(f"{words(kind)} [{resource_id}] is [{found.transition_status}], please try later")
    return found


def idle_in(cloud: Cloud, kind: type[T], resource_id: str, statuses: Iterable[str], done: str) -> T:
    """Return an idle thing in one of `statuses`; `done` says what else cannot be done to it, such as `be started`.

    Raises:
        CloudRefusal: 2100, 1400.
    """
    found = idle(cloud, kind, resource_id)
    if found.status not in statuses:
        raise denied(f"{words(kind)} [{resource_id}] is [{found.status}], can not {done}")
    return found


def idle_instance(cloud: Cloud, instance_id: str) -> Thing:
    """Return an instance that stands and is idle, whatever class it has.

    Raises:
        CloudRefusal: 2100, 1400.
    """
    found = (thing for thing in cloud.store.everything() if thing.id == instance_id and thing.kind == "instance")
    instance = next(found, None)
    if instance is None:
        raise not_found("instance", instance_id)
    if instance.status in ABSENT:
        raise denied(f"instance [{instance_id}] is [{instance.status}]")
    return idle(cloud, type(instance), instance_id)


def require_leased(cloud: Cloud, thing: Thing) -> None:
    """Refuse to delete what was made a moment ago: its lease record comes some seconds later.

    Raises:
        CloudRefusal: 1400, with the words that clients look for.
    """
    if thing.create_ms == 0:
        return  # It has stood since before the run.
    luck = Streams(cloud.kernel.streams.seed)  # Its own luck, however often somebody asks.
    if cloud.kernel.now < thing.create_ms + luck.draw(thing.id, catalog().duration("lease-record-ready")):
        raise denied(f"resource [{thing.id}] lease info not ready yet, please try later")


def in_use_by(store: Store, field: str, resource_id: str) -> list[Thing]:
    """List the things that name `resource_id` in a field, such as those in a vxnet by `vxnet_id`, and hold on to it.

    What is in the recycle bin does not, but for what the platform keeps as it was (`kept`).
    """
    return [
        thing
        for thing in store.everything()
        if getattr(thing, field, "") == resource_id and (thing.status not in ABSENT or getattr(thing, "kept", False))
    ]


def listing(
    call: Call,
    things: Sequence[T],
    *,
    ids: str,
    into: str,
    show: Callable[[T], dict[str, Json]] = lambda thing: thing.describe(),
) -> dict[str, Json]:
    """Answer a Describe action: the page of those things that the call's ids, statuses, tags and search word choose.

    Without ids and statuses, what is gone is left out (assumed). `ids` names the parameter, `into` the answer's list.
    """
    wanted, statuses, tags = call.texts(ids), call.texts("status"), set(call.texts("tags"))
    word = call.text("search_word")
    found = [
        thing
        for thing in things
        if (thing.id in wanted if wanted else bool(statuses) or thing.status not in GONE)
        and (not statuses or thing.status in statuses)
        and (not tags or tags & set(thing.tags))
        and (not word or word == thing.id or word in thing.name)
    ]
    return {into: [{"tags": list(thing.tags), **show(thing)} for thing in call.page(found)], "total_count": len(found)}


class Provenance(TypedDict):
    """Fields of a new thing that say for whom it is and why."""

    owner: str
    label: str
    origin: Origin


def provenance(call: Call) -> Provenance:
    """Return for whom a new thing is: inhabitants of the twin may name a cluster, everybody else makes their own."""
    if not call.internal:
        return {"owner": "", "label": "", "origin": "user"}
    origin = call.text("_origin", "user")
    if origin not in get_args(Origin):
        raise invalid("_origin", origin)
    return {"owner": call.text("_owner"), "label": call.text("_label"), "origin": cast("Origin", origin)}


def rename(cloud: Cloud, thing: Thing, call: Call, name: str, **fields: object) -> None:
    """Set the name, given as parameter `name`, and the description, and further fields."""
    cloud.store.change(thing, call.seq, **naming(call, name), **fields)


def naming(call: Call, name: str) -> dict[str, str]:
    """Return the fields that a call names a thing with: its name, given as parameter `name`, and its description."""
    given = {"name": name, "description": "description"}
    return {field: call.text(param) for field, param in given.items() if param in call.params}
