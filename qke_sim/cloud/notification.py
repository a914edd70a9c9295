"""Who is told of things: addresses that were verified, lists of them, and what was posted.

A post goes into the trace, one record per verified address, and among the user's posts. Nothing leaves the twin.

Rule: yunify/qingcloud-docs, notification center. A content that was verified once needs no second time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, cast

from qke_core.catalog import operations
from qke_core.effects import Json
from qke_sim.cloud.call import QUOTAS_EXCEEDED, Call, CloudRefusal, denied, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED, GONE, Actions, alive
from qke_sim.cloud.stamp import USER, render_time
from qke_sim.cloud.store import Thing
from qke_sim.ids import make_id

ITEM_TYPES = ("email", "phone", "webhook")


@dataclass(slots=True, kw_only=True, eq=False)
class NotificationItem(Thing):
    """One address. `code` is what was sent to it; it is verified once somebody gives it back."""

    kind: ClassVar[str] = "notification_item"
    prefix: ClassVar[str] = "ni"

    content: str
    item_type: str
    code: str
    verified: bool = False
    verify_ms: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class NotificationList(Thing):
    """Addresses that are told together."""

    kind: ClassVar[str] = "notification_list"
    prefix: ClassVar[str] = "nl"

    items: list[str] = field(default_factory=list[str])


@dataclass(slots=True, kw_only=True, eq=False)
class Post(Thing):
    """Something that was told."""

    kind: ClassVar[str] = "notification_post"
    prefix: ClassVar[str] = "post"

    list_id: str
    content: str


def post(cloud: Cloud, list_id: str, message: str, cause: int) -> int:
    """Tell everybody on a list; return the last record, `cause` when nobody was told."""
    found = cloud.store.find(NotificationList, list_id)
    if found is None or found.status in GONE:
        return cause
    for item in _items(cloud, found):
        if item.verified:
            cause = cloud.kernel.trace.add(
                "notification.posted", item.content, cause, list=found.id, by=item.item_type, message=message
            )
    told = Post(id=cloud.store.new_id(Post), list_id=list_id, content=message, status="unread")
    told.create_ms = told.status_ms = cloud.kernel.now
    cloud.store.place(told, cause)
    return cause


def place_list(cloud: Cloud, list_id: str) -> None:
    """Let a list stand that somebody names and that has stood since before the run; the account's owner is on it."""
    if cloud.store.find(NotificationList, list_id) is not None:
        return
    item_id = make_id("ni", list_id)
    owner = NotificationItem(id=item_id, content=f"owner of {list_id}", item_type="email", code="", verified=True)
    cloud.store.place(owner)
    cloud.store.place(NotificationList(id=list_id, name=list_id, items=[item_id]))


def _items(cloud: Cloud, found: NotificationList) -> list[NotificationItem]:
    items = (cloud.store.find(NotificationItem, item_id) for item_id in found.items)
    return [item for item in items if item is not None and item.status not in GONE]


# --- Items


def _create_items(cloud: Cloud, call: Call) -> dict[str, Json]:
    given = call.objects("notification_items")
    if not given:
        raise CloudRefusal(1100, "MissingParameter, parameter [notification_items] is required")
    asked = [Call(call.by, each, call.seq) for each in given]
    for each in asked:
        each.required("content")
        if each.required("notification_item_type") not in ITEM_TYPES:
            raise invalid("notification_item_type", each.text("notification_item_type"))
    made = [_make_item(cloud, each) for each in asked]
    return {"notification_items": [_show_item(cloud, item) for item in made]}


def _make_item(cloud: Cloud, call: Call) -> NotificationItem:
    content, item_type = call.text("content"), call.text("notification_item_type")
    before = [
        item for item in cloud.store.all(NotificationItem) if (item.content, item.item_type) == (content, item_type)
    ]
    item_id = cloud.store.new_id(NotificationItem)
    item = NotificationItem(
        id=item_id,
        content=content,
        item_type=item_type,
        description=call.text("remarks"),
        verified=any(found.verified for found in before),
        code=make_id("code", item_id, length=6).removeprefix("code-"),
    )
    return cloud.store.add(item, call.seq, call.by)


def _describe_items(cloud: Cloud, call: Call) -> dict[str, Json]:
    wanted, item_type, list_id = (
        call.texts("notification_items"),
        call.text("notification_item_type"),
        call.text("notification_list"),
    )
    chosen = _items(cloud, alive(cloud, NotificationList, list_id)) if list_id else cloud.store.all(NotificationItem)
    found = [
        item
        for item in chosen
        if item.status not in GONE and (not wanted or item.id in wanted) and item_type in ("", item.item_type)
    ]
    return {"notification_items": [_show_item(cloud, item) for item in call.page(found)], "total_count": len(found)}


def _delete_items(cloud: Cloud, call: Call) -> dict[str, Json]:
    ids = call.required_texts("notification_items")
    found = [alive(cloud, NotificationItem, item_id) for item_id in ids]
    for used in cloud.store.all(NotificationList):
        taken = [item for item in used.items if item in ids] if used.status not in GONE else []
        if taken:
            raise CloudRefusal(5400, f"DependencyError, notification item [{taken[0]}] is in list [{used.id}]")
    for item in found:
        cloud.store.change(item, call.seq, status=CEASED)
    return {"notification_items": cast("Json", ids)}


def _verify_item(cloud: Cloud, call: Call) -> dict[str, Json]:
    content, code = call.required("notification_item_content"), call.required("verification_code")
    found = [item for item in cloud.store.all(NotificationItem) if item.content == content and item.status not in GONE]
    if not found:
        raise CloudRefusal(2100, f"ResourceNotFound, notification item [{content}] not found")
    if all(item.code != code for item in found):
        raise denied(f"verification code [{code}] is wrong")
    for item in found:
        cloud.store.change(item, call.seq, verified=True, verify_ms=cloud.kernel.now)
    return {}


def _show_item(cloud: Cloud, item: NotificationItem) -> dict[str, Json]:
    return {
        "notification_item_id": item.id,
        "notification_item_type": item.item_type,
        "content": item.content,
        "remarks": item.description,
        "verified": int(item.verified),
        "verification_code": "" if item.verified else item.code,
        "create_time": render_time(cloud.kernel, item.create_ms),
        "verify_time": render_time(cloud.kernel, item.verify_ms) if item.verified else "",
    }


# --- Lists


def _create_list(cloud: Cloud, call: Call) -> dict[str, Json]:
    name, items = call.required("notification_list_name"), _checked(cloud, call)
    made = NotificationList(id=cloud.store.new_id(NotificationList), name=name, items=items)
    return {"notification_list_id": cloud.store.add(made, call.seq, call.by).id}


def _checked(cloud: Cloud, call: Call) -> list[str]:
    """Return the items given for a list: all there, and not too many."""
    items = call.required_texts("notification_items")
    most = operations().constants["notification_list_items"]
    if len(items) > most:
        raise CloudRefusal(QUOTAS_EXCEEDED, f"QuotasExceeded, a notification list holds [{most}] items at most")
    return [alive(cloud, NotificationItem, item_id).id for item_id in items]


def _modify_list(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = alive(cloud, NotificationList, call.required("notification_list"))
    fields: dict[str, object] = {}
    if "notification_items" in call.params:
        fields["items"] = _checked(cloud, call)
    if "notification_list_name" in call.params:
        fields["name"] = call.required("notification_list_name")
    cloud.store.change(found, call.seq, **fields)
    return {"notification_list_id": found.id}


def _describe_lists(cloud: Cloud, call: Call) -> dict[str, Json]:
    wanted, word = call.texts("notification_lists"), call.text("search_word")
    found = [
        each
        for each in cloud.store.all(NotificationList)
        if each.status not in GONE
        and (not wanted or each.id in wanted)
        and (not word or word == each.id or word in each.name)
    ]
    return {"notification_list_set": [_show_list(cloud, each) for each in call.page(found)], "total_count": len(found)}


def _show_list(cloud: Cloud, found: NotificationList) -> dict[str, Json]:
    return {
        "notification_list_id": found.id,
        "notification_list_name": found.name,
        "owner": USER,
        "create_time": render_time(cloud.kernel, found.create_ms),
        "items": [_show_item(cloud, item) for item in _items(cloud, found)],
    }


def _delete_lists(cloud: Cloud, call: Call) -> dict[str, Json]:
    ids = call.required_texts("notification_lists")
    for found in [alive(cloud, NotificationList, list_id) for list_id in ids]:
        cloud.store.change(found, call.seq, status=CEASED)
    return {"notification_lists": cast("Json", ids)}


# --- Posts


def _describe_posts(cloud: Cloud, call: Call) -> dict[str, Json]:
    """What was told, newest first; the shape of an entry is not public."""
    statuses = call.texts("status")
    found = [told for told in reversed(cloud.store.all(Post)) if not statuses or told.status in statuses]
    shown: list[Json] = [
        {
            "post_id": told.id,
            "notification_list_id": told.list_id,
            "content": told.content,
            "status": told.status,
            "create_time": render_time(cloud.kernel, told.create_ms),
        }
        for told in call.page(found)
    ]
    return {"notification_center_user_post_set": shown, "total_count": len(found)}


def _send(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Post something about a resource in the caller's own words."""
    found = alive(cloud, NotificationList, call.required("notification_list_id"))
    call.required("user_id")
    data = call.objects("notification_data")
    if not data:
        raise CloudRefusal(1100, "MissingParameter, parameter [notification_data] is required")
    for each in data:
        said = Call(call.by, each, call.seq)
        about = call.text("resource_name") or call.text("resource_id")
        text = f"{about} is {said.text('trigger_status')}, was {said.text('prev_status')}"
        post(cloud, found.id, text, call.seq)
    return {}


ACTIONS: Actions = {
    "CreateNotificationItems": _create_items,
    "DescribeNotificationItems": _describe_items,
    "DeleteNotificationItems": _delete_items,
    "VerifyNotificationItem": _verify_item,
    "CreateNotificationList": _create_list,
    "ModifyNotificationListAttributes": _modify_list,
    "DescribeNotificationLists": _describe_lists,
    "DeleteNotificationLists": _delete_lists,
    "DescribeNotificationCenterUserPosts": _describe_posts,
    "SendAlarmNotification": _send,
}
"""The actions of the notification center."""
