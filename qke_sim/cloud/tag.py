"""Tags: names that people give to things. A thing keeps the ids of its tags; a tag knows nothing of things."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from qke_core.effects import Json
from qke_sim.cloud.call import ALREADY_EXISTS, Call, CloudRefusal, invalid, not_found
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED, GONE, Actions, alive, listing, rename
from qke_sim.cloud.stamp import stamped
from qke_sim.cloud.store import Thing

DEFAULT_COLOR = "default"
PAIR = ("tag_id", "resource_type", "resource_id")
"""What names one use of a tag."""


@dataclass(slots=True, kw_only=True, eq=False)
class Tag(Thing):
    """A tag; its status is "" while it is there."""

    kind: ClassVar[str] = "tag"
    prefix: ClassVar[str] = "tag"

    color: str = DEFAULT_COLOR

    def describe(self) -> dict[str, Json]:
        """Return it without the things that carry it."""
        return {
            "tag_id": self.id,
            "tag_name": self.name,
            "tag_key": self.name,
            "color": self.color,
            "description": self.description,
        }


def tags_of(cloud: Cloud, thing: Thing) -> list[Json]:
    """List the tags that a thing carries, as answers show them."""
    found = (cloud.store.find(Tag, tag_id) for tag_id in thing.tags)
    return [
        {"tag_id": tag.id, "tag_name": tag.name, "tag_key": tag.name, "color": tag.color}
        for tag in found
        if tag is not None
    ]


def _carriers(cloud: Cloud, tag: Tag) -> list[Thing]:
    return [thing for thing in cloud.store.everything() if tag.id in thing.tags and thing.status not in GONE]


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    resources, verbose = set(call.texts("resources")), call.flag("verbose")

    def show(tag: Tag) -> dict[str, Json]:
        carriers = _carriers(cloud, tag)
        counts = Counter(thing.kind for thing in carriers)
        shown: dict[str, Json] = {
            **tag.describe(),
            **stamped(cloud.kernel, tag),
            "resource_count": len(carriers),
            "resource_type_count": [{"resource_type": kind, "count": count} for kind, count in counts.items()],
        }
        pairs: list[Json] = [
            {"tag_id": tag.id, "resource_type": thing.kind, "resource_id": thing.id, "status": "active"}
            for thing in carriers
        ]
        return {**shown, "resource_tag_pairs": pairs} if verbose else shown

    tags = cloud.store.all(Tag)
    if resources:
        tags = [tag for tag in tags if resources & {thing.id for thing in _carriers(cloud, tag)}]
    asked = Call(call.by, {key: value for key, value in call.params.items() if key not in ("tags", "resources")}, 0)
    wanted = set(call.texts("tags"))
    return listing(
        asked, [tag for tag in tags if not wanted or tag.id in wanted], ids="tags", into="tag_set", show=show
    )


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    name = call.required("tag_name")
    _require_new(cloud, name)
    new = Tag(id=cloud.store.new_id(Tag), name=name, color=call.text("color", DEFAULT_COLOR))
    return {"tag_id": cloud.store.add(new, call.seq, call.by).id}


def _require_new(cloud: Cloud, name: str, old: str = "") -> None:
    if name != old and any(tag.name == name and tag.status not in GONE for tag in cloud.store.all(Tag)):
        raise CloudRefusal(ALREADY_EXISTS, f"ResourceAlreadyExists, tag [{name}] already existed")


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Delete tags; what carried one carries it no longer."""
    found = [alive(cloud, Tag, tag_id) for tag_id in call.required_texts("tags")]
    for tag in found:
        for thing in _carriers(cloud, tag):
            cloud.store.change(thing, call.seq, tags=[kept for kept in thing.tags if kept != tag.id])
        cloud.store.change(tag, call.seq, status=CEASED)
    return {"tags": [tag.id for tag in found]}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    tag = alive(cloud, Tag, call.required("tag"))
    _require_new(cloud, call.text("tag_name", tag.name), tag.name)
    rename(cloud, tag, call, "tag_name", color=call.text("color", tag.color))
    return {}


def _pairs(cloud: Cloud, call: Call) -> list[tuple[Tag, Thing]]:
    """Read the pairs of tag and thing that a call names, all of them known."""
    given = call.objects("resource_tag_pairs")
    if not given:
        call.required_texts("resource_tag_pairs")
    there = {thing.id: thing for thing in cloud.store.everything() if thing.status not in GONE}
    pairs: list[tuple[Tag, Thing]] = []
    for pair in given:
        tag_id, kind, resource_id = (str(pair.get(key, "")) for key in PAIR)
        thing = there.get(resource_id)
        if thing is None:
            raise not_found("resource", resource_id)
        if kind != thing.kind:
            raise invalid("resource_type", kind)
        pairs.append((alive(cloud, Tag, tag_id), thing))
    return pairs


def _attach(cloud: Cloud, call: Call) -> dict[str, Json]:
    for tag, thing in _pairs(cloud, call):
        cloud.store.change(thing, call.seq, tags=list(dict.fromkeys([*thing.tags, tag.id])))
    return {}


def _detach(cloud: Cloud, call: Call) -> dict[str, Json]:
    for tag, thing in _pairs(cloud, call):
        cloud.store.change(thing, call.seq, tags=[kept for kept in thing.tags if kept != tag.id])
    return {}


ACTIONS: Actions = {
    "DescribeTags": _describe,
    "CreateTag": _create,
    "DeleteTags": _delete,
    "ModifyTagAttributes": _modify,
    "AttachTags": _attach,
    "DetachTags": _detach,
}
