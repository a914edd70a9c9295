"""The page docs/reference/cloud-actions.md: every action that passes the cloud door, with the parameters it reads.

Parameters are found by reading the source of an action's function and of all functions that it hands its call to: each
`call.text("name")` is a parameter. A name that is computed is found when it comes from a constant, or from a literal at
the place of the call.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import cast

from qke_sim.cloud import families
from qke_sim.cloud.call import Call
from qke_sim.platform import ACTIONS as PLATFORM
from qke_sim.platform.scalingactions import ACTIONS as SCALING
from qke_sim.twin import ACTION_NAMES

GENERATED = "<!-- Made by docs/generate.py from the code: change that, then `make docs`. -->"
READERS = frozenset(name for name, member in vars(Call).items() if isinstance(member, FunctionType))
PAGED = ("offset", "limit")
BEGINS_JOB = frozenset({"begin", "carry_out"})
OURS = frozenset({"ExecuteAutoScalingPolicy", "RecoverInstances", "SuspendInstances", "ResumeInstances"})
"""Actions that the catalogue of the public API does not list: what the console or the provider does by other means."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Networks": ("vxnet", "router", "eip", "nic"),
    "Firewalls": ("security",),
    "Load balancers": ("lb", "servercertificate"),
    "Machines and disks": ("instance", "volume", "snapshot", "keypair"),
    "Monitoring, alarms, notifications": ("monitor", "notification", "alarm"),
    "Account": ("",),
}
"""Families of the cloud: how the modules of qke_sim/cloud/ that answer them begin. The first that fits counts."""

Bound = Mapping[str, tuple[str, ...]]
Found = dict[str, bool]
"""Parameters, and whether each is required."""


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    yield GENERATED
    yield "# Actions of the cloud door"
    yield ""
    yield f"{len(ACTION_NAMES)} actions of the QingCloud API are answered by the twin: by the cloud itself, or by the"
    yield "platform (AppCenter) that lives in it. A scenario calls one with [`call:`](timeline.md), and faults at the"
    yield "cloud door take their names. Every other action is refused with 1400, as the API refuses a name that it does"
    yield "not know."
    yield ""
    yield "**Bold** parameters must be there (1100), at least in some form of the call: `login_passwd` where"
    yield "`login_mode` is a password. The others may be left out. Parameters of the API that stand nowhere here are"
    yield "taken and not looked at. *Job* says that the answer names a job that goes on. Describe actions take `offset`"
    yield "and `limit` (20, at most 100) as well. What a status allows is in [statuses](../rules/lifecycle.md)."
    for title in GROUPS:
        yield from _table(title, {name: one for name, one in families.ACTIONS.items() if group_of(one) == title})
    yield from _table("Platform (AppCenter)", PLATFORM)
    yield from _table("Autoscaling", SCALING)
    yield ""
    yield "The parameters of autoscaling are our reading of the console's form: no public text lists them. An action in"
    yield "*italics* is ours: the public lists of actions do not have it."


def group_of(handler: Callable[..., object]) -> str:
    """Return the group of a cloud action, by the module that answers it."""
    module = inspect.unwrap(handler).__module__.rpartition(".")[2]
    return next(title for title, begins in GROUPS.items() if module.startswith(begins))


def _table(title: str, handlers: Mapping[str, Callable[..., object]]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield "| action | parameters | job |"
    yield "| --- | --- | :---: |"
    for action, handler in handlers.items():
        reading = Reading()
        reading.function(handler)
        given = sorted(reading.found.items(), key=lambda pair: not pair[1])  # What must be there comes first.
        shown = [f"**`{name}`**" if must else f"`{name}`" for name, must in given if not name.startswith("_")]
        name = f"*`{action}`*" if action in OURS else f"`{action}`"
        yield f"| {name} | {', '.join(shown)} | {'yes' if reading.job else ''} |"


class Reading:
    """What an action's function, and those that it hands its call to, read of it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.found: Found = {}
        self.job = False
        self._seen: set[tuple[object, tuple[tuple[str, tuple[str, ...]], ...]]] = set()

    def function(self, function: Callable[..., object], bound: Bound | None = None) -> None:
        """Read a function whose parameters are bound to texts where the caller gives literal ones."""
        function = inspect.unwrap(function)
        key = (function, tuple(sorted((bound or {}).items())))
        if not isinstance(function, FunctionType) or key in self._seen:
            return
        self._seen.add(key)
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        self._walk(tree, function.__globals__, dict(bound or {}))

    def _walk(self, tree: ast.AST, names: Mapping[str, object], bound: dict[str, tuple[str, ...]]) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.For | ast.comprehension):
                bound |= _loop(node, names, bound)
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                texts = _texts(node.value, names, bound)
                bound |= {node.targets[0].id: texts} if texts else {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Subscript) and _is_params(node.value):
                self._take(_texts(node.slice, names, bound), must=False)
            if isinstance(node, ast.Compare) and _is_params(node.comparators[0]):
                self._take(_texts(node.left, names, bound), must=False)
            if isinstance(node, ast.Call):
                self._called(node, names, bound)

    def _called(self, node: ast.Call, names: Mapping[str, object], bound: Bound) -> None:
        target = node.func
        if isinstance(target, ast.Attribute) and _is_call(target.value) and target.attr in READERS:
            for text in [_texts(node.args[0], names, bound)] if node.args and target.attr != "page" else []:
                self._take(text, must=target.attr.startswith("required"))
        elif isinstance(target, ast.Attribute) and _is_params(target.value) and target.attr == "get":
            self._take(_texts(node.args[0], names, bound), must=False)
        elif any(_is_call(one) for one in (*node.args, *(keyword.value for keyword in node.keywords))):
            self._handed(node, names, bound)

    def _handed(self, node: ast.Call, names: Mapping[str, object], bound: Bound) -> None:
        """Follow the call into the function that gets it."""
        if isinstance(node.func, ast.Attribute) and node.func.attr in BEGINS_JOB:
            self.job = True
        function = _resolve(node.func, names)
        if not callable(function) or not getattr(function, "__module__", "").startswith("qke_sim"):
            return
        self.job |= getattr(function, "__name__", "") in BEGINS_JOB
        given = list(inspect.signature(function).parameters)
        pairs = [*zip(given, node.args, strict=False), *((one.arg or "", one.value) for one in node.keywords)]
        self.function(function, {name: texts for name, value in pairs if (texts := _texts(value, names, bound))})

    def _take(self, texts: Iterable[str], *, must: bool) -> None:
        for text in texts:
            if text not in PAGED:
                self.found[text] = self.found.get(text, False) or must


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "call"


def _is_params(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "params" and _is_call(node.value)


def _resolve(node: ast.AST, names: Mapping[str, object]) -> object:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(owner := _resolve(node.value, names), ModuleType):
        return vars(owner).get(node.attr)
    return None


def _texts(node: ast.AST, names: Mapping[str, object], bound: Bound) -> tuple[str, ...]:
    """Return the texts that an expression may be: literals, constants of the module, names bound to such."""
    if isinstance(node, ast.Constant):
        return (node.value,) if isinstance(node.value, str) else ()
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return tuple(text for one in node.elts for text in _texts(one, names, bound))
    if isinstance(node, ast.Dict):
        return tuple(text for one in node.values for text in _texts(one, names, bound))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("items", "values"):
        return _texts(node.func.value, names, bound)
    if isinstance(node, ast.Name):
        return bound[node.id] if node.id in bound else _constants(names.get(node.id))
    return ()


def _constants(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Mapping | tuple | list):
        return tuple(one for one in cast("Iterable[object]", value) if isinstance(one, str))
    return ()


def _loop(node: ast.For | ast.comprehension, names: Mapping[str, object], bound: Bound) -> Bound:
    """Bind what a loop over texts gives: the name alone, or both names of a pair."""
    texts = _texts(node.iter, names, bound)
    target = node.target
    found = target.elts if isinstance(target, ast.Tuple) else [target]
    return {one.id: texts for one in found if isinstance(one, ast.Name)} if texts else {}
