"""What differs between two manifests: named by field, and whether Outlook has to be given the new one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from addin_host.domain.deploy import Download, judge
from addin_host.domain.fields import BY_NAME
from addin_host.domain.manifest import check_manifest, errors, fact_at, manifest_changes, needs_deploying
from addin_host.flows.manifest import judge_manifest, render_manifest
from tests.flows.test_manifest_rendering import FEATURES, SSO, TEMPLATE, TYPICAL, integration

APPLICATION = SSO["addin_application_id"]


def manifest(**changed: Any) -> bytes:
    return render_manifest(TEMPLATE, integration(**changed))


def test_nothing_differs() -> None:
    assert manifest_changes(manifest(), manifest()) == []
    reformatted = manifest().replace(b"\n  <", b"\n\n      <").replace(b"<Id>", b"<!-- note --><Id>")
    assert manifest_changes(manifest(), reformatted) == []


@pytest.mark.parametrize("name", sorted(name for name in TYPICAL if name.startswith("addin_") and "server" not in name))
def test_a_label_is_named_by_its_field(name: str) -> None:
    (change,) = manifest_changes(manifest(), manifest(**{name: "Something <else> & more"}))
    assert (change.fact.field, change.fact.label) == (name, BY_NAME[name].label)
    assert (change.before, change.after) == (TYPICAL[name], "Something <else> & more")
    assert needs_deploying([change])


def test_a_version_alone_is_no_reason() -> None:
    (change,) = manifest_changes(manifest(version=7), manifest(version=9))
    assert (change.fact.label, change.before, change.after) == ("Version", "1.0.0.7", "1.0.0.9")
    assert not needs_deploying([change])


def test_another_host_changes_every_address_and_the_version_stands_last() -> None:
    changes = manifest_changes(manifest(), manifest(origin="https://other.example.com", version=8))
    assert [change.fact.label for change in changes] == [
        "Add-in image icon",
        "Addresses that the add-in opens",
        "Address of the pane",
        "Version",
    ]
    assert changes[1].after == "https://other.example.com, https://login.microsoftonline.com"
    assert changes[2].after == "https://other.example.com/api/client/v2/msexchange_schedulers/1/pane"


@pytest.mark.parametrize(
    ("old", "new", "label"),
    [
        (b"<Permissions>ReadWriteItem<", b"<Permissions>ReadItem<", "Permissions"),
        (b"<Id>7d2f6c1e", b"<Id>8d2f6c1e", "Id of the add-in"),
        (b"<DefaultLocale>de-DE<", b"<DefaultLocale>en-US<", "Default language"),
        (b'DefaultMinVersion="1.3"', b'DefaultMinVersion="1.1"', "Buttons and requirements"),
        (b'resid="supertipTitle"', b'resid="groupLabel"', "Buttons and requirements"),
        (b'icon/32.png?v=0123456789ab"', b'icon/32.png?v=ffffffffffff"', "Add-in image icon"),
    ],
)
def test_whatever_else_differs_is_noticed(old: bytes, new: bytes, label: str) -> None:
    assert old in manifest()
    (change,) = manifest_changes(manifest(), manifest().replace(old, new))
    assert change.fact.label == label
    assert needs_deploying([change])


def test_a_finding_is_traced_to_its_field() -> None:
    judged = judge_manifest(TEMPLATE, integration(addin_button_label="\u202e", default_locale="Klingon!"))
    assert not judged.is_usable
    facts = {fact.field for finding in errors(judged.findings) if (fact := fact_at(judged.xml, finding))}
    assert facts == {"addin_button_label", "default_locale"}


def test_a_finding_about_the_whole_file_has_no_field() -> None:
    broken = b"<OfficeApp"
    (finding,) = check_manifest(broken)
    assert fact_at(broken, finding) is None


PAGE = ("Address of the commands page", "", "https://addin.example.com/api/client/v2/msexchange_schedulers/1/commands")
LAUNCH = "https://addin.example.com/api/client/v2/msexchange_schedulers/1/launch.js"
LABEL = ("Add-in pane single-use VMR button label", "", "Add a Single-use VMR")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("add-command", {("Enable ribbon command without a pane", "off", "on"), PAGE, LABEL}),
        ("mobile", {("Enable Outlook mobile", "off", "on"), PAGE, LABEL}),
        ("on-send", {("Check on Send", "off", "on"), (*PAGE[:2], f"{PAGE[2]}, {LAUNCH}")}),
        ("sso", {("Single sign-on", "", f"{APPLICATION}, api://addin.example.com/{APPLICATION}, openid, profile")}),
    ],
)
def test_a_switch_is_told_as_a_switch(name: str, expected: set[tuple[str, str, str]]) -> None:
    changes = manifest_changes(manifest(), manifest(**FEATURES[name]))
    assert {(change.fact.label, change.before, change.after) for change in changes} == expected
    assert needs_deploying(changes)
    back = manifest_changes(manifest(**FEATURES[name]), manifest())
    assert {(change.fact.label, change.after, change.before) for change in back} == expected


@pytest.mark.parametrize(
    ("old", "new", "label", "shows"),
    [
        (b"PromptUser", b"SoftBlock", "Check on Send", False),
        (b'size="25" scale="1" resid="grey25"', b'size="25" scale="1" resid="grey32"', "Enable Outlook mobile", False),
        (b"0123456789ab", b"ba9876543210", "Add-in image icon", True),
        (b"<Scope>profile", b"<Scope>email", "Single sign-on", True),
        (b"/commands", b"/orders", "Address of the commands page", True),
        (b"Add a Single-use VMR", b"Add a room", "Add-in pane single-use VMR button label", True),
    ],
)
def test_what_changes_while_everything_is_on_is_told_once(old: bytes, new: bytes, label: str, shows: bool) -> None:
    everything = manifest(**FEATURES["everything"])
    assert old in everything
    (change,) = manifest_changes(everything, everything.replace(old, new))
    assert (change.fact.label, bool(change.before)) == (label, shows)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("add-command", None),
        ("mobile", "need a deployment by an administrator"),
        ("on-send", "need a deployment by an administrator"),
        ("sso", "consent again"),
    ],
)
def test_the_verdict_says_what_a_switch_asks_for(name: str, words: str | None) -> None:
    last = Download(datetime(2026, 11, 23, tzinfo=UTC), "kim", "1.0.0.7")
    verdict = judge(usable=True, last=last, changes=manifest_changes(manifest(), manifest(**FEATURES[name])))
    assert verdict.badge == "Deploy again"
    told = [
        sentence
        for sentence in ("need a deployment by an administrator", "consent again")
        if sentence in verdict.sentence
    ]
    assert told == ([words] if words else [])


def test_a_missing_application_is_traced_to_its_field() -> None:
    judged = judge_manifest(TEMPLATE, integration(addin_authentication_method="SSO_TOKEN", addin_application_id=None))
    facts = {fact.field for finding in errors(judged.findings) if (fact := fact_at(judged.xml, finding))}
    assert facts == {"addin_application_id"}
