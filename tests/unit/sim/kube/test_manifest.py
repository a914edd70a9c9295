"""Workloads from Kubernetes YAML: what is read of them, and every problem with its place."""

from __future__ import annotations

from fractions import Fraction
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qke_core.errors import InputError
from qke_sim.kube import Objects, Resources, Toleration
from qke_sim.kube.manifest import read_manifest
from qke_sim.kube.quantity import parse_quantity, to_bytes, to_millicores
from qke_sim.yamlfile import parse_yaml

MIB = 1024**2


def read(text: str) -> Objects:
    return read_manifest(parse_yaml(dedent(text), "app.yaml"))


def problems(text: str) -> list[tuple[str, str]]:
    """Return code and place of every problem."""
    with pytest.raises(InputError) as caught:
        read(text)
    return [(problem.code, str(problem.place).removeprefix("app.yaml:")) for problem in caught.value.problems]


# --- Quantities


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", Fraction(0)),
        ("250m", Fraction(1, 4)),
        ("0.5", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
        ("5.", Fraction(5)),
        ("128Mi", Fraction(128 * MIB)),
        ("1G", Fraction(10**9)),
        ("1k", Fraction(1000)),
        ("1Ki", Fraction(1024)),
        ("1e3", Fraction(1000)),
        ("1E3", Fraction(1000)),
        ("1E", Fraction(10**18)),
        ("1Ei", Fraction(2**60)),
        ("12e-1", Fraction(6, 5)),
        ("100n", Fraction(1, 10**7)),
        (0.1, Fraction(1, 10)),
    ],
)
def test_a_quantity_is_read_exactly(text: str | float, value: Fraction) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "x", "1 Gi", "1K", "1gi", "1e", "-1", "1e3Mi", "1.2.3", "1e99999999999", "\u0661", "Mi", "0x10", "nan"],
)
def test_what_is_no_quantity_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 250m"):
        parse_quantity(text)


SUFFIXES = {"": 1, "m": Fraction(1, 1000), "k": 10**3, "Ki": 2**10, "M": 10**6, "Mi": 2**20, "G": 10**9, "Gi": 2**30}


@given(
    whole=st.integers(0, 10**9),
    decimals=st.text("0123456789", max_size=6),
    suffix=st.sampled_from(sorted(SUFFIXES)),
)
def test_any_decimal_with_a_suffix_is_that_fraction(whole: int, decimals: str, suffix: str) -> None:
    text = f"{whole}.{decimals}{suffix}" if decimals else f"{whole}{suffix}"
    expected = Fraction(f"{whole}.{decimals or 0}") * Fraction(SUFFIXES[suffix])
    assert parse_quantity(text) == expected
    rounded = to_bytes(text)
    assert rounded - 1 < expected <= rounded
    cores = to_millicores(text)
    assert cores - 1 < expected * 1000 <= cores


# --- Objects

SHOP = """\
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, namespace: shop}
    spec:
      replicas: 3
      template:
        metadata: {labels: {app: web}}
        spec:
          nodeSelector: {disk: ssd}
          tolerations:
            - {key: a, operator: Exists}
            - {key: b, value: x, effect: NoSchedule}
            - {}
          containers:
            - name: one
              resources: {requests: {cpu: 250m, memory: 256Mi}}
            - name: two
              resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 0.5}}
            - name: three
    ---
    apiVersion: apps/v1
    kind: StatefulSet
    metadata: {name: db}
    spec:
      replicas: 2
      template: {spec: {containers: [{name: db}]}}
      volumeClaimTemplates:
        - {metadata: {name: data}}
        - {metadata: {name: log, annotations: {qke/phase: Pending}}}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: web, namespace: shop}
    spec: {selector: {app: web}}
    ---
    apiVersion: v1
    kind: PersistentVolumeClaim
    metadata: {name: spare, annotations: {qke/phase: Pending}}
    ---
    apiVersion: v1
    kind: Namespace
    metadata: {name: shop}
    """


def test_a_workload_is_read_with_what_the_twin_acts_on() -> None:
    """Requests of all containers add up; a limit stands in for a request that is left out, as in Kubernetes."""
    web = read(SHOP).workloads[0]
    assert (web.kind, web.key, web.replicas, web.system) == ("Deployment", "shop/web", 3, False)
    assert web.template.labels == {"app": "web"}
    assert web.template.node_selector == {"disk": "ssd"}
    assert web.template.requests == Resources(cpu_m=750, memory=(256 + 1024) * MIB, pods=1)
    assert web.template.tolerations == (
        Toleration("a", "", None),
        Toleration("b", "NoSchedule", "x"),
        Toleration("", "", ""),
    )


def test_a_stateful_set_brings_a_claim_per_replica_and_template() -> None:
    claims = [(claim.namespace, claim.name, claim.phase) for claim in read(SHOP).claims]
    assert claims == [
        ("default", "data-db-0", "Bound"),
        ("default", "data-db-1", "Bound"),
        ("default", "log-db-0", "Pending"),
        ("default", "log-db-1", "Pending"),
        ("default", "spare", "Pending"),
    ]


def test_services_and_defaults_are_read() -> None:
    objects = read(SHOP)
    assert [(service.namespace, service.name, service.selector) for service in objects.services] == [
        ("shop", "web", {"app": "web"})
    ]
    minimal = "kind: DaemonSet\nmetadata: {name: agent}\nspec: {template: {spec: {containers: [{name: a}]}}}\n"
    (agent,) = read(minimal).workloads
    assert (agent.kind, agent.key, agent.template.requests) == ("DaemonSet", "default/agent", Resources(pods=1))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("- 1\n", [("manifest.not-object", "1:1")], id="a list"),
        pytest.param("kind: Job\nmetadata: {name: x}\n", [("manifest.kind-unknown", "1:7")], id="another kind"),
        pytest.param("metadata: {name: x}\n", [("manifest.kind-unknown", "1:1")], id="no kind"),
        pytest.param("kind: Service\nmetadata: {namespace: x}\n", [("manifest.no-name", "2:11")], id="no name"),
        pytest.param(
            "kind: Deployment\nmetadata: {name: x}\nspec:\n  replicas: two\n  template:\n    spec: {}\n",
            [("manifest.replicas", "4:13"), ("manifest.no-containers", "6:11")],
            id="replicas and containers",
        ),
        pytest.param(
            "kind: Deployment\nmetadata: {name: x}\nspec:\n  replicas: true\n"
            "  template: {spec: {containers: [{name: a, resources: {requests: {cpu: 100x, memory: 1 Gi}}}]}}\n",
            [("manifest.replicas", "4:13"), ("manifest.quantity", "5:72"), ("manifest.quantity", "5:86")],
            id="two quantities on one line",
        ),
        pytest.param(
            "kind: Deployment\nmetadata: {name: x}\nspec:\n  template:\n    spec:\n      containers: nginx\n",
            [("manifest.not-object", "6:19")],
            id="containers is no list",
        ),
        pytest.param(
            "kind: StatefulSet\nmetadata: {name: x}\nspec:\n  template:\n    spec:\n      containers: [{name: a}]\n"
            "      tolerations: [x]\n  volumeClaimTemplates: 5\n",
            [("manifest.not-object", "7:20"), ("manifest.not-object", "8:25")],
            id="lists of other things",
        ),
        pytest.param(
            "kind: Nothing\n---\nkind: Deployment\nmetadata: {}\nspec: 5\n",
            [("manifest.kind-unknown", "1:7"), ("manifest.no-containers", "5:7"), ("manifest.no-name", "4:11")],
            id="every document is looked at",
        ),
    ],
)
def test_every_problem_is_told_with_its_place(text: str, found: list[tuple[str, str]]) -> None:
    assert sorted(problems(text)) == sorted(found)


def test_a_mistyped_kind_is_told_the_nearest_one() -> None:
    with pytest.raises(InputError) as caught:
        read("kind: Deploiment\nmetadata: {name: x}\n")
    assert caught.value.remedy == "did you mean 'Deployment'?"


@pytest.mark.parametrize("phase", ["Bound", "Pending", "Lost"])
def test_a_claims_phase_is_what_its_annotation_says(phase: str) -> None:
    text = f"kind: PersistentVolumeClaim\nmetadata: {{name: x, annotations: {{qke/phase: {phase}}}}}\n"
    assert [claim.phase for claim in read(text).claims] == [phase]


# --- What decides drains, volumes and load balancers


def test_a_pod_template_is_read_with_its_local_data_its_grace_and_its_claims() -> None:
    template = (
        read("""\
        kind: Deployment
        metadata: {name: web}
        spec:
          template:
            metadata: {annotations: {qke/start-after: "1.5", qke/stop-after: 20}}
            spec:
              terminationGracePeriodSeconds: 60
              containers: [{name: a}]
              volumes:
                - {name: cache, emptyDir: {}}
                - {name: data, persistentVolumeClaim: {claimName: store}}
        """)
        .workloads[0]
        .template
    )
    assert (template.emptydir, template.grace_ms, template.claims) == (True, 60_000, ("store",))
    assert (template.start_ms, template.stop_ms, template.hangs) == (1500, 20_000, False)


def test_a_template_that_says_nothing_has_kubernetes_defaults() -> None:
    template = read("kind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: c}]}\n").workloads[0].template
    assert (template.emptydir, template.grace_ms, template.claims) == (False, 30_000, ())
    assert (template.start_ms, template.stop_ms, template.hangs) == (None, None, False)


def test_a_pod_may_never_end() -> None:
    text = "kind: Pod\nmetadata: {name: x, annotations: {qke/stop-after: never}}\nspec: {containers: [{name: c}]}\n"
    assert read(text).workloads[0].template.hangs


def test_claims_say_their_size_and_class_and_stateful_sets_bring_one_per_pod() -> None:
    found = read("""\
        kind: StatefulSet
        metadata: {name: db}
        spec:
          replicas: 2
          template: {spec: {containers: [{name: c}]}}
          volumeClaimTemplates:
            - metadata: {name: data}
              spec: {storageClassName: csi-neonsan, resources: {requests: {storage: 100Gi}}}
        ---
        kind: PersistentVolumeClaim
        metadata: {name: spare}
        spec: {resources: {requests: {storage: 15500Mi}}}
        """)
    assert [(c.key, c.gib, c.storage_class) for c in found.claims] == [
        ("default/data-db-0", 100, "csi-neonsan"),
        ("default/data-db-1", 100, "csi-neonsan"),
        ("default/spare", 16, ""),
    ]
    assert found.workloads[0].claim_templates[0].name == "data"


def test_services_have_a_type_ports_and_annotations() -> None:
    (service,) = read("""\
        kind: Service
        metadata: {name: web, annotations: {a: b}}
        spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, nodePort: 30080}, {port: 443}]}
        """).services
    assert (service.type, service.ports, service.annotations) == ("NodePort", ((80, 30080), (443, 0)), {"a": "b"})


@pytest.mark.parametrize(
    ("bound", "expected"),
    [("minAvailable: 2", (2, None)), ("minAvailable: 50%", ("50%", None)), ("maxUnavailable: 0", (None, 0))],
)
def test_a_budget_has_one_bound(bound: str, expected: tuple[object, object]) -> None:
    text = f"kind: PodDisruptionBudget\nmetadata: {{name: x}}\nspec: {{{bound}, selector: {{matchLabels: {{a: b}}}}}}\n"
    (budget,) = read(text).budgets
    assert (budget.min_available, budget.max_unavailable) == expected
    assert budget.selector == {"a": "b"}


@pytest.mark.parametrize(
    "spec",
    [
        "{}",
        "{minAvailable: 1, maxUnavailable: 1}",
        "{minAvailable: half}",
        "{minAvailable: -1}",
        "{maxUnavailable: 1, selector: {matchExpressions: [{key: a, operator: Exists}]}}",
    ],
)
def test_a_budget_that_says_too_little_or_too_much_is_refused(spec: str) -> None:
    found = problems(f"kind: PodDisruptionBudget\nmetadata: {{name: x}}\nspec: {spec}\n")
    assert [code for code, _ in found] == ["manifest.budget"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("kind: Service\nmetadata: {name: x}\nspec: {type: ExternalName}\n", "manifest.service-type"),
        ("kind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 70000}]}\n", "manifest.port"),
        (
            "kind: Pod\nmetadata: {name: x}\nspec: {terminationGracePeriodSeconds: soon, containers: [{name: c}]}\n",
            "manifest.seconds",
        ),
        (
            "kind: PersistentVolumeClaim\nmetadata: {name: x}\nspec: {resources: {requests: {storage: big}}}\n",
            "manifest.quantity",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_place(text: str, code: str) -> None:
    assert [found for found, _ in problems(text)] == [code]
