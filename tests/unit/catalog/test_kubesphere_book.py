"""KubeSphere's parts: modules that parameters may name, claims that the storage book has, and nothing else."""

from __future__ import annotations

import pytest

from qke_core.catalog import catalog, kubesphere, parameters, storage
from qke_core.errors import InvariantError

INSTALLER = '[[installer]]\nname = "i"\nkind = "Job"\nlabel = "i"\nbasis = "assumed"\nsource = "x"\n'


def test_every_module_that_a_version_offers_has_parts_and_every_claim_has_one() -> None:
    for version in catalog().order:
        offered = parameters().env(version).get("extra.modules")
        chosen = offered.choices if offered is not None and offered.choices else ()
        found = kubesphere().modules(version, tuple(str(name) for name in chosen))
        assert set(found) >= {"minimal", *map(str, chosen)}
    claims = [name for part in kubesphere().parts for name in part.claims]
    assert sorted(claims) == sorted(claim.name for claim in storage().claims)


def test_a_part_claims_for_its_own_module() -> None:
    modules = {claim.name: claim.module for claim in storage().claims}
    assert all(modules[name] == part.module for part in kubesphere().parts for name in part.claims)


def test_1_x_installs_everything_and_later_versions_what_is_chosen() -> None:
    book = kubesphere()
    assert book.modules("2.0.0", ()) == ("minimal",)
    assert book.modules("2.0.0", ("ks-devops", "ks-logging")) == ("minimal", "ks-logging", "ks-devops")
    assert "ks-devops" in book.modules("1.0.1", ())


@pytest.mark.parametrize(
    ("version", "name"), [("1.0.0", None), ("1.0.1", "kubesphere-installer"), ("2.0.0", "ks-installer")]
)
def test_each_version_has_its_installer(version: str, name: str | None) -> None:
    found = kubesphere().installer(version)
    assert (None if found is None else found.name) == name


def test_a_version_that_nobody_knows_is_refused() -> None:
    from qke_core.catalog.kubesphere import build_kubesphere

    with pytest.raises(InvariantError) as caught:
        build_kubesphere(INSTALLER + 'since = "9.9.9"\n', catalog().order)
    assert caught.value.code == "catalog.malformed"
