"""Parameters as people write them, and as they come out once the version's defaults are in."""

from __future__ import annotations

import pytest

from qke_core.catalog import catalog, parameters
from qke_core.models.settings import Given, Settings, plain_value

VERSIONS = catalog().order


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_not_written_is_the_versions_default(version: str):
    settings = Settings.resolve(version, {})
    known = parameters().env(version)
    assert set(settings.values) == set(known)
    for key, found in known.items():
        assert settings.values[key] == ("" if found.default is None else found.default)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_value_can_be_asked_for_by_its_type(version: str):
    settings = Settings.resolve(version, {})
    for key, found in parameters().env(version).items():
        assert settings.has(key)
        if found.type == "integer":
            assert settings.number(key) == found.default
        elif found.type == "boolean":
            assert settings.flag(key) is found.default
        else:
            assert settings.text(key) == (found.default or "")


def test_what_is_written_wins():
    settings = Settings.resolve("2.0.0", {"max_pods": 240, "install_kubesphere": False})
    assert (settings.number("max_pods"), settings.install_kubesphere) == (240, False)
    assert settings.text("docker_bip") == "172.30.0.1/16"


def test_a_parameter_that_the_version_does_not_have_is_left_out_and_asking_for_it_is_an_error():
    settings = Settings.resolve("1.0.1", {"user.ssh.key": "ssh-rsa AAAA"})
    assert not settings.has("user.ssh.key")
    with pytest.raises(KeyError):
        settings.text("user.ssh.key")


@pytest.mark.guide("G-049", "G-204")
def test_kubesphere_is_installed_unless_somebody_says_no():
    assert all(Settings.resolve(version, {}).install_kubesphere for version in VERSIONS)
    assert not Settings.resolve("1.0.1", {"install_kubesphere": False}).install_kubesphere
    assert Settings.resolve("1.0.0", {"install_kubesphere": False}).install_kubesphere  # 1.0.0 knows no choice.


@pytest.mark.guide("G-016", "G-082")
def test_modules_are_words_however_they_are_written():
    assert Settings.resolve("2.0.0", {"extra.modules": ("ks-devops", "ks-logging")}).modules == (
        "ks-devops",
        "ks-logging",
    )
    assert Settings.resolve("2.0.0", {"extra.modules": "ks-devops, ks-logging,"}).modules == ("ks-devops", "ks-logging")
    assert Settings.resolve("2.0.0", {}).modules == ()
    assert Settings.resolve("3.3.0", {}).modules == ("metrics-server",)
    assert Settings.resolve("1.0.1", {}).modules == ()


def test_a_number_of_the_wrong_type_is_nought_and_left_to_the_rules():
    assert Settings.resolve("2.0.0", {"max_pods": "many"}).number("max_pods") == 0


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        (("a", "b"), "a,b"),
        ((), ""),
        ("vxnet-1\nvxnet-2\n", "vxnet-1\nvxnet-2"),  # What YAML's | leaves.
        ("one\n\n", "one\n"),
        ("", ""),
        (True, True),
        (0, 0),
    ],
)
def test_a_value_is_what_the_form_would_hold(given: Given, plain: object):
    assert plain_value(given) == plain
    assert type(plain_value(given)) is type(plain)
