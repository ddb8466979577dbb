"""What differs between two manifests: named by field, and whether Outlook has to be given the new one."""

from __future__ import annotations

from typing import Any

import pytest

from addin_host.domain.fields import BY_NAME
from addin_host.domain.manifest import check_manifest, errors, fact_at, manifest_changes, needs_deploying
from addin_host.flows.manifest import judge_manifest, render_manifest
from tests.flows.test_manifest_rendering import TEMPLATE, TYPICAL, integration


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
