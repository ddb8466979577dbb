"""The manifest of an integration: its golden file, hostile labels, and what is refused before it is served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from addin_host.domain.errors import Misconfigured
from addin_host.domain.fields import defaults
from addin_host.domain.integration import Integration
from addin_host.domain.manifest import functions, manifest_context, too_long_labels
from addin_host.domain.manifest.context import LABELS
from addin_host.flows.manifest import TEMPLATE_NAME, manifest_environment, render_manifest

ROOT = Path(__file__).parents[2]
GOLDENS = ROOT / "tests/golden/manifest"
GOLDEN = GOLDENS / "typical.xml"
TEMPLATE = manifest_environment(ROOT / "manifests").get_template(TEMPLATE_NAME)
TYPICAL = {
    "uuid": "7d2f6c1e-94b0-4a55-8d0e-2f8f3b1c9a64",
    "default_locale": "de-DE",
    "addin_server_domain": "addin.example.com",
    "enable_personal_vmrs": True,
    "personal_vmr_oauth_auth_endpoint": "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize",
    "addin_provider_name": "Example & Söhne",
    "addin_display_name": "Video für Termine",
    "addin_description": "Fügt einem Termin einen virtuellen Besprechungsraum hinzu",
    "addin_group_label": "Videobesprechung",
    "addin_button_label": "Besprechungsraum hinzufügen",
    "addin_supertip_title": "Als Videobesprechung einladen",
    "addin_supertip_description": "Fügt Ort und Einwahldaten ein. Erst mit „Senden“ wird eingeladen.",
}
SSO = {"addin_authentication_method": "SSO_TOKEN", "addin_application_id": "1f1c7a52-7a34-4f0e-9f5b-6c2a3a2f4c10"}
FEATURES: dict[str, dict[str, Any]] = {
    "add-command": {"enable_add_command": True},
    "mobile": {"enable_mobile": True},
    "on-send": {"enable_on_send_check": True},
    "sso": SSO,
}
FEATURES["everything"] = {name: value for features in FEATURES.values() for name, value in features.items()}
NS = {
    "o": "http://schemas.microsoft.com/office/appforoffice/1.1",
    "v0": "http://schemas.microsoft.com/office/mailappversionoverrides",
    "v1": "http://schemas.microsoft.com/office/mailappversionoverrides/1.1",
    "bt": "http://schemas.microsoft.com/office/officeappbasictypes/1.0",
}


def integration(origin: str = "https://addin.example.com", version: int = 7, **changed: Any) -> Integration:
    return Integration(1, version, {**defaults(), **TYPICAL, **changed}, origin, "0123456789ab")


def manifest(**changed: Any) -> etree._Element:
    return etree.fromstring(render_manifest(TEMPLATE, integration(**changed)))


def printed_labels(root: etree._Element) -> dict[str, set[str]]:
    """What a client reads for each label, from every place that shows it."""

    def found(*paths: str) -> set[str]:
        return {str(value) for path in paths for value in root.xpath(path, namespaces=NS)}

    def strings(resid: str) -> str:
        return f"//bt:String[@id='{resid}']/@DefaultValue"

    return {
        "addin_provider_name": found("o:ProviderName/text()"),
        "addin_display_name": found("o:DisplayName/@DefaultValue"),
        "addin_description": found("o:Description/@DefaultValue", strings("addinDescription")),
        "addin_group_label": found(strings("groupLabel")),
        "addin_button_label": found(strings("buttonLabel")),
        "addin_supertip_title": found(strings("supertipTitle")),
        "addin_supertip_description": found(strings("supertipText")),
    }


def test_the_typical_manifest_is_golden():
    assert render_manifest(TEMPLATE, integration()) == GOLDEN.read_bytes()


@pytest.mark.parametrize("name", FEATURES)
def test_the_manifest_of_each_feature_is_golden(name: str):
    assert render_manifest(TEMPLATE, integration(**FEATURES[name])) == (GOLDENS / f"{name}.xml").read_bytes()


@pytest.mark.parametrize("name", [name for name in FEATURES if name not in ("sso", "everything")])
def test_a_switch_without_single_use_vmrs_changes_nothing(name: str):
    off = {"enable_dynamic_vmrs": False}
    changed = integration(**FEATURES[name], **off)
    assert render_manifest(TEMPLATE, changed) == render_manifest(TEMPLATE, integration(**off)) == GOLDEN.read_bytes()


def test_nothing_of_the_newer_clients_is_in_the_older_overrides():
    root = manifest(**FEATURES["everything"])
    for name in ("MobileFormFactor", "Runtimes", "LaunchEvents", "WebApplicationInfo", "SupportsSharedFolders"):
        assert root.xpath(f"count(//v1:{name})", namespaces=NS) == 1
        assert root.xpath(f"count(//v0:{name})", namespaces=NS) == 0
    assert root.xpath("//bt:Set/@Name", namespaces=NS) == ["Mailbox", "Mailbox"]
    assert root.xpath("//bt:Sets/@DefaultMinVersion", namespaces=NS) == ["1.3", "1.5"]


@pytest.mark.parametrize("name", FEATURES)
def test_each_overrides_defines_what_it_refers_to_and_nothing_else(name: str):
    root = manifest(**FEATURES[name])
    for prefix in ("v0", "v1"):
        (overrides,) = root.xpath(f"//{prefix}:VersionOverrides", namespaces=NS)
        own = [part for part in overrides.iter() if etree.QName(part).namespace in (NS[prefix], NS["bt"])]
        if prefix == "v0":
            (newer,) = overrides.xpath("v1:VersionOverrides", namespaces=NS)
            own = [part for part in own if newer not in part.iterancestors()]
        defined = [part.get("id") for part in own if part.get("DefaultValue")]
        assert sorted(defined) == sorted({part.get("resid") for part in own if part.get("resid")})


def test_sso_when_it_is_one_kind_among_others():
    accepted = manifest(
        **{**SSO, "addin_authentication_method": "EXCHANGE_USER_ID_TOKEN"}, accepted_identity_kinds=["SSO_TOKEN"]
    )
    naa = manifest(**{**SSO, "addin_authentication_method": "NAA_TOKEN"})
    resource = "//v1:WebApplicationInfo/v1:Resource/text()"
    assert accepted.xpath(resource, namespaces=NS) == [f"api://addin.example.com/{SSO['addin_application_id']}"]
    assert naa.xpath(resource, namespaces=NS) == []


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("<b>Add</b> a <i>room</i> &amp; more", "Add a room & more"),
        ("Raum " * 50, ("Raum " * 25).strip()),
        ("<img src='x'>", TYPICAL["addin_button_label"]),
        (']]><Control id="x"/>', "]]>"),
    ],
)
def test_the_commands_label_is_the_panes_button_as_plain_text(title: str, label: str):
    root = manifest(**FEATURES["everything"], addin_pane_button_title=title)
    assert root.xpath("//bt:String[@id='addLabel']/@DefaultValue", namespaces=NS) == [label, label]


def test_a_long_label_of_the_command_is_warned_about_where_it_is_printed():
    long = {"addin_pane_button_title": "Raum " * 40}
    (warning,) = too_long_labels(integration(**long, enable_mobile=True))
    assert (warning.field, warning.limit) == ("addin_pane_button_title", 125)
    assert too_long_labels(integration(**long)) == []


def test_the_functions_that_the_manifest_calls_are_in_the_scripts():
    for name in functions(integration(**FEATURES["everything"])):
        script = {"addRoom": "commands", "checkOnSend": "launch"}[name]
        assert f'associate("{name}", {name})' in (ROOT / f"static/addin/{script}.js").read_text()
    assert functions(integration()) == {"addRoom"}


def test_the_defaults_of_the_document_make_a_manifest():
    names = {field.name: field.default for field in LABELS}
    assert printed_labels(manifest(**names)) == {name: {text} for name, text in names.items()}


def test_every_label_of_the_field_table_is_printed():
    assert {field.name for field in LABELS} == set(printed_labels(manifest()))


HOSTILE = [
    "]]>",
    "<![CDATA[x]]>",
    '"/><Id>00000000-0000-0000-0000-000000000001</Id><x y="',
    "'><script>alert(1)</script>",
    "--><!DOCTYPE x [<!ENTITY y 'z'>]>&y;",
    "&amp;&#65;&lt;&nonsense;",
    "{{ addin_id }}{% raw %}",
    "<?xml version='1.0'?>",
    "emoji 🎥 and 日本語",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_a_label_is_text(text: str):
    labels = dict.fromkeys((field.name for field in LABELS), text)
    printed = printed_labels(manifest(**labels))
    assert printed == {name: {text} for name in labels}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x07c\x1bd\x7fe\x9bf", "abcdef"),
        ("one\r\ntwo\tthree\x0bfour\u2028five\x85six", "one two three four five six"),
        ("safe\u202eevil\u202c \u2066x\u2069", "safeevil x"),
        ("lone \ud800 and \udfff surrogates", "lone and surrogates"),
        ("not\ufffe a \uffffcharacter", "not a character"),
    ],
)
def test_what_a_manifest_cannot_hold_is_left_out(text: str, shown: str):
    assert printed_labels(manifest(addin_button_label=text, addin_provider_name=text))["addin_button_label"] == {shown}


@given(st.text(min_size=1, max_size=250))
def test_any_label_gives_a_manifest_that_reads_back_equal(text: str):
    given_integration = integration(addin_button_label="x" + text, addin_description="x" + text)
    context = manifest_context(given_integration)
    printed = printed_labels(etree.fromstring(render_manifest(TEMPLATE, given_integration)))
    assert printed["addin_button_label"] == {context["addin_button_label"]}
    assert printed["addin_description"] == {context["addin_description"]}


def test_a_long_label_is_cut_at_a_word_and_warned_about():
    long = "Raum " * 50
    assert printed_labels(manifest(addin_button_label=long))["addin_button_label"] == {("Raum " * 25).strip()}
    (warning,) = too_long_labels(integration(addin_button_label=long))
    assert (warning.field, warning.limit) == ("addin_button_label", 125)
    assert "Outlook shows at most 125 characters" in str(warning)


def test_every_label_of_250_characters_still_gives_a_manifest():
    for text in ("W" * 250, "🎥" * 125, "wort " * 50):
        assert manifest(**dict.fromkeys((field.name for field in LABELS), text)) is not None


def test_both_overrides_carry_the_pane_button_and_shared_folders_is_in_the_newer():
    root = manifest()
    for prefix in ("v0", "v1"):
        button = (
            f"//{prefix}:ExtensionPoint//{prefix}:Control[@id='openPaneButton']/{prefix}:Action/{prefix}:SourceLocation"
        )
        assert root.xpath(f"{button}/@resid", namespaces=NS) == ["paneUrl"]
    assert root.xpath("//v1:SupportsSharedFolders/text()", namespaces=NS) == ["true"]
    assert root.xpath("//v0:SupportsSharedFolders", namespaces=NS) == []


def test_app_domains_hold_the_provider_only_while_personal_vmrs_are_on():
    path = "o:AppDomains/o:AppDomain/text()"
    own = "https://addin.example.com"
    assert manifest().xpath(path, namespaces=NS) == [own, "https://login.microsoftonline.com"]
    assert manifest(enable_personal_vmrs=False).xpath(path, namespaces=NS) == [own]


@pytest.mark.parametrize(
    ("language", "locale"),
    [("en-US", "en-US"), ("de-at", "de-AT"), ("de", "de"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"),
     ("de-DE-1996", "de-DE"), ("pt_BR", "pt-BR")],
)  # fmt: skip
def test_the_default_language_becomes_a_locale(language: str, locale: str):
    assert manifest(default_locale=language).findtext("o:DefaultLocale", namespaces=NS) == locale


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"origin": "ftp://addin.example.com"}, "SourceLocation DefaultValue must begin with https://"),
        ({"default_locale": "Klingon!"}, "DefaultLocale is not a language and region"),
        ({"uuid": "seven"}, "Id must be a UUID"),
        ({"addin_button_label": " \x00 "}, "bt:String DefaultValue is blank"),
        (
            {"personal_vmr_oauth_auth_endpoint": "https://user:pw@login.example.com/authorize"},
            "AppDomain holds a user name",
        ),
    ],
)
def test_a_manifest_that_outlook_would_refuse_is_not_served(changed: dict[str, Any], words: str):
    with pytest.raises(Misconfigured, match="Correct this first") as caught:
        render_manifest(TEMPLATE, integration(**changed))
    assert words in caught.value.message


def test_the_manifest_of_a_trial_over_http_is_the_one_for_production():
    assert render_manifest(TEMPLATE, integration(origin="http://127.0.0.1:8080")) == GOLDEN.read_bytes()


def test_a_template_that_asks_for_an_unknown_name_is_not_served(tmp_path: Path):
    (tmp_path / "x.xml").write_text("<a>{{ nothing_like_this }}</a>")
    with pytest.raises(Misconfigured, match="nothing_like_this"):
        render_manifest(manifest_environment(tmp_path).get_template("x.xml"), integration())
