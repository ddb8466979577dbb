"""The checker: the golden manifest passes, and each single thing done to it is found, by rule and line."""

# One mutation a line reads best, however long the line.
# ruff: noqa: E501, RUF001

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addin_host.domain.manifest import MAX_BYTES, Expected, Finding, check_manifest, errors

GOLDEN = (Path(__file__).parents[1] / "golden/manifest/typical.xml").read_text("utf-8")
SOURCES = Path(__file__).parents[2] / "addin_host/domain/manifest"
EXPECTED = Expected(
    addin_id="7d2f6c1e-94b0-4a55-8d0e-2f8f3b1c9a64",
    addin_host="addin.example.com",
    functions=frozenset({"addMeeting"}),
    last_version="1.0.0.6",
)
BASE = "https://addin.example.com/api/client/v2/msexchange_schedulers/1"
IMAGE_16 = f'        <bt:Image id="icon16" DefaultValue="{BASE}/icon/16.png?v=0123456789ab"/>\n'
V1_0 = 'xmlns="http://schemas.microsoft.com/office/mailappversionoverrides" xsi:type="VersionOverridesV1_0"'
V1_1 = 'xmlns="http://schemas.microsoft.com/office/mailappversionoverrides/1.1" xsi:type="VersionOverridesV1_1"'
FUNCTION = '<Action xsi:type="ExecuteFunction">\n<FunctionName>addMeeting</FunctionName>\n</Action>'


@dataclass(frozen=True)
class Mutation:
    """Replace the `nth` occurrence of `old`; `rule` must be found in the line of `at`, or of what changed."""

    rule: str
    old: str
    new: str
    nth: int = 0
    at: str = ""

    def apply(self) -> tuple[str, int]:
        pieces = GOLDEN.split(self.old)
        assert len(pieces) > self.nth + 1, f"{self.old!r} is not in the golden manifest"
        before = self.old.join(pieces[: self.nth + 1])
        text = before + self.new + self.old.join(pieces[self.nth + 1 :])
        if self.at:
            return text, text.count("\n", 0, text.index(self.at)) + 1
        lead = len(self.new) - len(self.new.lstrip())
        return text, text.count("\n", 0, len(before) + lead) + 1


def drop(rule: str, old: str, nth: int = 0, at: str = "") -> Mutation:
    return Mutation(rule, old, "", nth, at)


M = Mutation
MUTATIONS = [
    # the file
    M("doctype", "<OfficeApp", '<!DOCTYPE OfficeApp SYSTEM "file:///etc/passwd">\n<OfficeApp'),
    M("doctype", "<OfficeApp", '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;&a;">]><OfficeApp'),
    M("well-formed", "</OfficeApp>", "</OfficeAp>"),
    M("well-formed", "<Version>", "<Version>&unknown;"),
    M("well-formed", "<Version>", "<Version>&#7;"),
    M("encoding", 'encoding="UTF-8"', 'encoding="ISO-8859-1"', at="<?xml"),
    # namespaces and types
    M("namespace", "appforoffice/1.1", "appforoffice/1.0", at='xsi:type="MailApp"'),
    M("namespace", V1_0, V1_0.replace("overrides", "overrides/1.0"), at="<VersionOverrides"),
    M("namespace", V1_1, V1_1.replace("/1.1", "/1.2"), at='<VersionOverrides xmlns="http://schemas.microsoft.com/office/mailappversionoverrides/'),
    M("namespace", "<Hosts>", '<Hosts xmlns="urn:x">'),
    M("unknown-element", '<bt:Set Name="Mailbox"/>', '<Set Name="Mailbox"/>'),
    M("root", 'xsi:type="MailApp"', 'xsi:type="TaskPaneApp"'),
    M("type", 'xsi:type="VersionOverridesV1_0"', 'xsi:type="VersionOverridesV1_1"'),
    M("type", 'xsi:type="VersionOverridesV1_1"', 'xsi:type="VersionOverridesV1_0"'),
    M("type", ' xsi:type="MailHost"', ""),
    M("type", 'xsi:type="Button"', 'xsi:type="Knob"'),
    M("type", 'xsi:type="ItemEdit"', 'xsi:type="ItemWrite"'),
    M("type", 'xsi:type="ShowTaskpane"', 'xsi:type="ShowDialog"', 1),
    M("type", "AppointmentOrganizerCommandSurface", "CalendarCommandSurface"),
    M("type", "<Supertip>", '<Supertip xsi:type="Tall">'),
    # structure
    drop("missing", "  <Id>7d2f6c1e-94b0-4a55-8d0e-2f8f3b1c9a64</Id>\n", at='xsi:type="MailApp"'),
    drop("missing", '  <Description DefaultValue="Fügt einem Termin einen virtuellen Besprechungsraum hinzu"/>\n', at='xsi:type="MailApp"'),
    drop("missing", '                <Label resid="groupLabel"/>\n', at="<Group"),
    drop("missing", '                    <Description resid="supertipText"/>\n', at="<Supertip"),
    drop("missing", '                    <SourceLocation resid="paneUrl"/>\n', at="<Action"),
    drop("missing", f'        <SourceLocation DefaultValue="{BASE}/pane"/>\n', at="<DesktopSettings"),
    drop("missing", '    <Rule xsi:type="ItemIs" ItemType="Appointment" FormType="Edit"/>\n', at="<Rule "),
    drop("missing", '        <bt:Set Name="Mailbox"/>\n', at="<bt:Sets"),
    drop("missing", "    <AppDomain>https://addin.example.com</AppDomain>\n    <AppDomain>https://login.microsoftonline.com</AppDomain>\n", at="<AppDomains"),
    M("order", "  <Version>1.0.0.7</Version>\n  <ProviderName>Example &amp; Söhne</ProviderName>", "  <ProviderName>x</ProviderName>\n  <Version>1.0.0.7</Version>", at="<Version>"),
    M("order", '<Title resid="supertipTitle"/>\n                    <Description resid="supertipText"/>', '<Description resid="supertipText"/>\n<Title resid="supertipTitle"/>', at="<Title"),
    M("order", "        </DesktopFormFactor>", '          <FunctionFile resid="paneUrl"/>\n        </DesktopFormFactor>'),
    M("order", "  <FormSettings>", "  <Permissions>ReadWriteItem</Permissions>\n  <FormSettings>", at="<FormSettings"),
    M("repeated", "<Version>1.0.0.7</Version>", "<Version>1.0.0.7</Version><Version>1.0.0.8</Version>"),
    M("repeated", "  </FormSettings>", '<Form xsi:type="ItemEdit"><DesktopSettings><SourceLocation DefaultValue="https://addin.example.com/"/></DesktopSettings></Form></FormSettings>'),
    M("repeated", '<Label resid="buttonLabel"/>', '<Label resid="buttonLabel"/><Label resid="buttonLabel"/>'),
    M("unknown-element", "<Hosts>", "<Color>red</Color><Hosts>"),
    M("unknown-element", "<Supertip>", "<Supertip><Footer/>"),
    M("unknown-element", "</Id>", "<b/></Id>"),
    M("unknown-element", "<ProviderName>", "<Providername>x</Providername><ProviderName>"),
    M("text", "<AppDomains>", "<AppDomains>and also"),
    M("attribute-missing", ' DefaultValue="Video für Termine"', ""),
    M("attribute-missing", ' id="meetingGroup"', ""),
    M("attribute-missing", ' resid="icon32"', "", 1),
    M("attribute-missing", ' FormType="Edit"', ""),
    M("attribute-unknown", "<DisplayName ", '<DisplayName Value="x" '),
    M("attribute-unknown", '<Label resid="groupLabel"', '<Label resid="groupLabel" id="label"'),
    # what belongs to 1.1
    M("only-in-1.1", "<DesktopFormFactor>", "<DesktopFormFactor>\n<SupportsSharedFolders>true</SupportsSharedFolders>", at="<SupportsSharedFolders"),
    M("only-in-1.1", '<Host xsi:type="MailHost">', '<Host xsi:type="MailHost"><Runtimes/>'),
    M("only-in-1.1", '<SourceLocation resid="paneUrl"/>', '<SourceLocation resid="paneUrl"/><SupportsPinning>true</SupportsPinning>'),
    M("only-in-1.1", 'xsi:type="AppointmentOrganizerCommandSurface"', 'xsi:type="LaunchEvent"'),
    M("unknown-element", "    </VersionOverrides>\n  </VersionOverrides>", f"<VersionOverrides {V1_1}/></VersionOverrides>\n  </VersionOverrides>"),
    # resources
    M("resid-length", 'resid="paneUrl"', f'resid="{"p" * 33}"'),
    M("resid-length", '<bt:Url id="paneUrl"', '<bt:Url id=""'),
    M("resid-unknown", 'resid="icon80"', 'resid="icon96"', 1),
    M("resid-unknown", '<bt:String id="groupLabel"', '<bt:String id="grouplabel"', at='<Label resid="groupLabel"'),
    drop("resid-unknown", IMAGE_16, at='<bt:Image size="16"'),
    M("resid-unused", '<bt:Url id="paneUrl"', '<bt:Url id="old" DefaultValue="https://addin.example.com/"/><bt:Url id="paneUrl"'),
    M("resid-duplicate", IMAGE_16, IMAGE_16.strip() + IMAGE_16),
    M("resid-duplicate", '<bt:String id="supertipText"', '<bt:String id="buttonLabel"'),
    M("resid-kind", '<Label resid="groupLabel"', '<Label resid="supertipText"'),
    M("resid-kind", '<SourceLocation resid="paneUrl"', '<SourceLocation resid="icon16"', 1),
    M("resid-kind", '<Description resid="supertipText"', '<Description resid="buttonLabel"'),
    # texts
    M("length", 'DefaultValue="Videobesprechung"', f'DefaultValue="{"x" * 126}"'),
    M("length", "Video für Termine", "x" * 126),
    M("length", "Example &amp; Söhne", "x" * 126),
    M("length", "Fügt einem Termin einen virtuellen Besprechungsraum hinzu", "x" * 251),
    M("length", 'id="addinDescription" DefaultValue="', f'id="addinDescription" DefaultValue="{"x" * 251}', 1),
    M("length", 'id="openPaneButton"', f'id="{"x" * 126}"'),
    M("blank", 'DefaultValue="Videobesprechung"', 'DefaultValue=" "', 1),
    M("blank", "Example &amp; Söhne", ""),
    M("control-character", "Video für Termine", "Video&#x202e;Termine"),
    M("control-character", "Besprechungsraum hinzufügen", "Besprechungsraum&#10;hinzufügen"),
    M("control-character", "Example &amp; Söhne", "Example&#x85;Söhne"),
    # addresses
    M("https", f'<SourceLocation DefaultValue="{BASE}', '<SourceLocation DefaultValue="http://addin.example.com'),
    M("https", '<bt:Url id="paneUrl" DefaultValue="https', '<bt:Url id="paneUrl" DefaultValue="ftp', 1),
    M("https", "<AppDomain>https://login", "<AppDomain>http://login"),
    M("url", '<bt:Url id="paneUrl" DefaultValue="https://addin.example.com', '<bt:Url id="paneUrl" DefaultValue="'),
    M("url", "https://addin.example.com/api", "https:/api"),
    M("url", "https://addin.example.com/api", "https://addin.example.com:port/api"),
    M("url", "/icon/64.png", "/icon/64 .png"),
    M("userinfo", "https://addin.example.com/api", "https://me:secret@addin.example.com/api"),
    M("length", "/icon/64.png?v=", "/icon/64.png?v=" + "x" * 2048),
    M("host", "https://addin.example.com/api", "https://addin.example.com.evil.test/api"),
    M("host", "https://addin.example.com/api", "https://addin.example.com:8443/api", 5),
    M("host", f'<SourceLocation DefaultValue="{BASE}', '<SourceLocation DefaultValue="https://login.microsoftonline.com'),
    M("app-domain", "<AppDomain>https://addin.example.com", "<AppDomain>https://addin.example.com/"),
    M("url", "<AppDomain>https://addin.example.com", "<AppDomain>addin.example.com"),
    # identity, version, locale
    M("uuid", "7d2f6c1e-94b0", "7d2f6c1e94b0"),
    M("uuid", "7d2f6c1e-94b0-4a55-8d0e-2f8f3b1c9a64", "{7d2f6c1e-94b0-4a55-8d0e-2f8f3b1c9a64}"),
    M("uuid", "7d2f6c1e-94b0-4a55-8d0e-2f8f3b1c9a64", "00000000-0000-0000-0000-000000000000"),
    M("id", "7d2f6c1e-94b0", "7d2f6c1e-94b1"),
    M("version", "1.0.0.7", "1.0.0.7.1"),
    M("version", "1.0.0.7", "1.0.0.7-beta"),
    M("version", "1.0.0.7", "1.0.0.100000"),
    M("version", "1.0.0.7", "１.0.0.7"),
    M("version-rises", "1.0.0.7", "1.0.0.6"),
    M("version-rises", "1.0.0.7", "1.0"),
    M("locale", "de-DE", "de_DE"),
    M("locale", "de-DE", "deutsch"),
    M("locale", '<DisplayName DefaultValue="Video für Termine"/>', '<DisplayName DefaultValue="x"><Override Locale="" Value="y"/></DisplayName>'),
    M("locale-duplicate", '<DisplayName DefaultValue="Video für Termine"/>', '<DisplayName DefaultValue="x"><Override Locale="en-US" Value="y"/><Override Locale="en-us" Value="z"/></DisplayName>'),
    M("locale-duplicate", 'DefaultValue="Videobesprechung"/>', 'DefaultValue="x"><bt:Override Locale="fr-FR" Value="y"/><bt:Override Locale="fr-FR" Value="y"/></bt:String>'),
    M("length", 'DefaultValue="Videobesprechung"/>', f'DefaultValue="x"><bt:Override Locale="fr-FR" Value="{"y" * 126}"/></bt:String>'),
    # commands
    drop("icon-sizes", '                    <bt:Image size="80" resid="icon80"/>\n', at="<Icon>"),
    M("icon-sizes", 'size="32"', 'size="48"', at="<Icon>"),
    M("icon-sizes", '<bt:Image size="32"', '<bt:Image size="32" resid="icon32"/><bt:Image size="32"', at="<Icon>"),
    M("id-duplicate", 'id="openPaneButton"', 'id="meetingGroup"', 1),
    M("value", 'id="TabDefault"', 'id="TabHome"'),
    M("function-file", '<Action xsi:type="ShowTaskpane">\n                    <SourceLocation resid="paneUrl"/>\n                  </Action>', FUNCTION, at="<FunctionName"),
    M("function", '<Action xsi:type="ShowTaskpane">\n                    <SourceLocation resid="paneUrl"/>\n                  </Action>', FUNCTION.replace("addMeeting", "formatDisk"), at="<FunctionName"),
    # sets, permissions, switches
    M("set-ceiling", 'MinVersion="1.1"', 'MinVersion="1.3"'),
    M("set-ceiling", 'DefaultMinVersion="1.3"', 'DefaultMinVersion="1.10"'),
    M("set-ceiling", 'DefaultMinVersion="1.5"', 'DefaultMinVersion="1.8"'),
    M("set-version", 'DefaultMinVersion="1.5"', 'DefaultMinVersion="latest"'),
    M("set-version", ' DefaultMinVersion="1.3"', ""),
    M("set", '<bt:Set Name="Mailbox"/>', '<bt:Set Name="NestedAppAuth"/>'),
    M("permissions", "ReadWriteItem", "ReadWriteMailbox"),
    M("permissions", "ReadWriteItem", "ReadItem"),
    drop("permissions", "  <Permissions>ReadWriteItem</Permissions>\n", at='xsi:type="MailApp"'),
    M("value", "<SupportsSharedFolders>true", "<SupportsSharedFolders>yes"),
    M("value", 'ItemType="Appointment"', 'ItemType="Task"'),
    M("value", 'Host Name="Mailbox"', 'Host Name="Workbook"'),
]  # fmt: skip


def check(text: str | bytes, expected: Expected | None = EXPECTED) -> list[Finding]:
    return check_manifest(text if isinstance(text, bytes) else text.encode("utf-8"), expected=expected)


def test_the_golden_manifest_has_no_findings():
    assert check(GOLDEN) == []
    assert check(GOLDEN, None) == []
    assert check("\ufeff" + GOLDEN) == []
    assert check(GOLDEN.replace("\n", "\r\n")) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: f"{mutation.rule}: {mutation.new.strip()[:40]}")
def test_a_single_mutation_is_found_by_rule_and_line(mutation: Mutation):
    text, line = mutation.apply()
    assert (mutation.rule, line) in {(finding.rule, finding.line) for finding in errors(check(text))}


def test_there_are_enough_mutations_of_different_kinds():
    assert len(MUTATIONS) >= 120
    assert len({mutation.rule for mutation in MUTATIONS}) >= 35


def test_every_line_of_the_golden_manifest_matters():
    """Leave out each element that stands on a line of its own: all but the optional ones are missed."""
    lines = GOLDEN.splitlines(keepends=True)
    kept = [
        line.strip()
        for at, line in enumerate(lines)
        if re.fullmatch(r"\s*<([\w:]+)[^>]*(/>|>[^<]*</\1>)\s*", line)
        and not errors(check("".join(lines[:at] + lines[at + 1 :])))
    ]
    optional = (
        "<IconUrl",
        "<HighResolutionIconUrl",
        "<DisableEntityHighlighting",
        "<SupportsSharedFolders",
        "<AppDomain",
    )
    assert all(line.startswith(optional) for line in kept)


def test_neighbours_in_the_wrong_order_are_found_everywhere():
    """Swap each pair of neighbouring lines with different elements on the level of OfficeApp."""
    lines = GOLDEN.splitlines(keepends=True)
    top = [at for at, line in enumerate(lines) if re.fullmatch(r"  <\w+(>[^<]*</\w+>|[^>]*/>)\s*", line)]
    pairs = [at for at in top if at + 1 in top]
    assert len(pairs) >= 7
    for at in pairs:
        swapped = [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]
        assert [(finding.rule, finding.line) for finding in check("".join(swapped))] == [("order", at + 2)]


def test_without_expectations_the_first_source_location_names_the_host():
    moved = GOLDEN.replace("https://addin.example.com", "https://pane.example.org")
    assert check(moved, None) == []
    assert {finding.rule for finding in check(moved)} == {"host"}


def test_warnings_do_not_forbid_a_manifest():
    newer = GOLDEN.index("    <VersionOverrides")
    without = GOLDEN[:newer] + GOLDEN[GOLDEN.rindex("  </VersionOverrides>") :]
    for text, rule in ((without, "overrides"), (GOLDEN.replace("de-DE", "de"), "locale-region")):
        (finding,) = check(text)
        assert (finding.rule, finding.severity) == (rule, "warning")
        assert errors([finding]) == []


LARGER_SURFACE = {
    "a menu": (
        """<Control xsi:type="Menu" id="menu"><Label resid="buttonLabel"/><Supertip><Title resid="supertipTitle"/>
        <Description resid="supertipText"/></Supertip><Icon><bt:Image size="16" resid="icon16"/>
        <bt:Image size="32" resid="icon32"/><bt:Image size="80" resid="icon80"/></Icon><Items><Item id="one">
        <Label resid="buttonLabel"/><Supertip><Title resid="supertipTitle"/><Description resid="supertipText"/></Supertip>
        <Action xsi:type="ShowTaskpane"><SourceLocation resid="paneUrl"/></Action></Item></Items></Control></Group>""",
        "</Group>",
    ),
    "a command with its function file": (
        """</Control><Control xsi:type="Button" id="run"><Label resid="buttonLabel"/><Supertip>
        <Title resid="supertipTitle"/><Description resid="supertipText"/></Supertip><Icon>
        <bt:Image size="16" resid="icon16"/><bt:Image size="32" resid="icon32"/><bt:Image size="80" resid="icon80"/>
        </Icon><Action xsi:type="ExecuteFunction"><FunctionName>addMeeting</FunctionName></Action></Control>""",
        "</Control>",
    ),
    "a mobile button": (
        """</DesktopFormFactor><MobileFormFactor><FunctionFile resid="paneUrl"/>
        <ExtensionPoint xsi:type="MobileOnlineMeetingCommandSurface"><Control xsi:type="MobileButton" id="openPaneButton">
        <Label resid="buttonLabel"/><Icon xsi:type="bt:MobileIconList">"""
        + "".join(
            f'<bt:Image size="{size}" scale="{scale}" resid="icon32"/>' for size in (25, 32, 48) for scale in (1, 2, 3)
        )
        + """</Icon><Action xsi:type="ExecuteFunction"><FunctionName>addMeeting</FunctionName></Action>
        </Control></ExtensionPoint></MobileFormFactor>""",
        "</DesktopFormFactor>",
    ),
    "events": (
        """<ExtensionPoint xsi:type="LaunchEvent"><LaunchEvents><LaunchEvent Type="OnAppointmentSend"
        FunctionName="addMeeting" SendMode="SoftBlock"/></LaunchEvents><SourceLocation resid="paneUrl"/></ExtensionPoint>
        </DesktopFormFactor>""",
        "</DesktopFormFactor>",
    ),
    "single sign-on": (
        """</Resources><WebApplicationInfo><Id>7d2f6c1e-94b0-4a55-8d0e-2f8f3b1c9a65</Id>
        <Resource>api://addin.example.com/7d2f6c1e-94b0-4a55-8d0e-2f8f3b1c9a65</Resource><Scopes><Scope>openid</Scope></Scopes>
        </WebApplicationInfo>""",
        "</Resources>",
    ),
}


def in_newer_overrides(what: str) -> str:
    new, old = LARGER_SURFACE[what]
    head, tail = GOLDEN.rsplit(old, 1)
    if "FunctionName>" in new and "Mobile" not in new:
        head, inner = head.rsplit("<ExtensionPoint", 1)
        head = f'{head}<FunctionFile resid="paneUrl"/><ExtensionPoint{inner}'
    if what == "events":
        head, inner = head.rsplit("<DesktopFormFactor>", 1)
        runtime = '<Runtimes><Runtime resid="paneUrl"/></Runtimes>'
        head = f"{head}{runtime}<DesktopFormFactor>{inner}"
    return head + new + tail


@pytest.mark.parametrize("what", LARGER_SURFACE)
def test_what_later_manifests_need_is_known(what: str):
    assert check(in_newer_overrides(what)) == []


@pytest.mark.parametrize(
    ("what", "old", "new", "rule"),
    [
        ("a mobile button", 'size="48" scale="3"', 'size="48" scale="2"', "icon-sizes"),
        ("a mobile button", ' xsi:type="bt:MobileIconList"', "", "attribute-unknown"),
        ("a mobile button", '<FunctionFile resid="paneUrl"/>', "", "function-file"),
        ("a mobile button", "addMeeting", "addMeetings", "function"),
        ("a mobile button", 'size="25" scale="1"', 'size="px" scale="1"', "pixels"),
        ("events", "SoftBlock", "HardBlock", "value"),
        ("events", "addMeeting", "unheardOf", "function"),
        ("events", "OnAppointmentSend", "OnMessageSend", "event"),
        ("events", 'Runtime resid="paneUrl"', 'Runtime resid="icon16"', "event-runtime"),
        ("events", '<Runtimes><Runtime resid="paneUrl"/></Runtimes>', "", "event-runtime"),
        (
            "events",
            "</LaunchEvents>",
            '<LaunchEvent Type="OnAppointmentSend" FunctionName="addMeeting"/></LaunchEvents>',
            "event-twice",
        ),
        (
            "events",
            '<ExtensionPoint xsi:type="LaunchEvent">',
            '<ExtensionPoint xsi:type="LaunchEvent"><LaunchEvents><LaunchEvent Type="OnNewAppointmentOrganizer" FunctionName="addMeeting"/></LaunchEvents><SourceLocation resid="paneUrl"/></ExtensionPoint><ExtensionPoint xsi:type="LaunchEvent">',
            "event-twice",
        ),
        (
            "a mobile button",
            '<Action xsi:type="ExecuteFunction"><FunctionName>addMeeting</FunctionName></Action>',
            '<Action xsi:type="ShowTaskpane"><SourceLocation resid="paneUrl"/></Action>',
            "phone-action",
        ),
        ("single sign-on", "api://addin.example.com/", "api://evil.example.com/", "sign-on-resource"),
        ("single sign-on", "-8d0e-2f8f3b1c9a65</Resource>", "-8d0e-2f8f3b1c9a66</Resource>", "sign-on-resource"),
        ("single sign-on", "api://addin", "https://addin", "sign-on-resource"),
        ("a menu", 'id="one"', 'id="menu"', "id-duplicate"),
        ("single sign-on", "7d2f6c1e-94b0-4a55-8d0e-2f8f3b1c9a65", "me", "uuid"),
        ("single sign-on", "<Scope>openid</Scope>", "", "missing"),
    ],
)
def test_faults_in_the_larger_surface_are_found(what: str, old: str, new: str, rule: str):
    text = in_newer_overrides(what)
    assert old in text
    assert rule in {finding.rule for finding in check(text.replace(old, new, 1))}


def test_the_old_read_form_has_a_height():
    form = '<Form xsi:type="ItemRead"><DesktopSettings><SourceLocation DefaultValue="{0}/pane"/><RequestedHeight>{1}</RequestedHeight></DesktopSettings></Form>'
    for height, rules in ((250, set()), (31, {"height"}), (451, {"height"})):
        text = GOLDEN.replace("<FormSettings>", "<FormSettings>" + form.format(BASE, height))
        assert {finding.rule for finding in check(text)} == rules


BOMBS = {
    "laughs": b'<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>',
    "external": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "depth": b"<a>" * 60_000,
    "depth of a known element": GOLDEN.replace("</Rule>", '<Rule xsi:type="RuleCollection" Mode="Or">' * 5000).encode(),
    "width": GOLDEN.replace("<AppDomains>", "<AppDomains>" + "<AppDomain/>" * 4_700).encode(),
    "forms": GOLDEN.replace("<DesktopFormFactor>", "<DesktopFormFactor/>" * 12_000 + "<DesktopFormFactor>", 1).encode(),
    "elements": GOLDEN.replace("<AppDomains>", "<AppDomains>" + "<x/>" * 50_000).encode(),
    "attributes": b"<a " + b" ".join(b'a%d=""' % number for number in range(25_000)) + b"/>",
    "utf-16": GOLDEN.encode("utf-16"),
    "utf-16 doctype": '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a []><a/>'.encode("utf-16"),
    "utf-7": b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a []><a/>',
    "too large": GOLDEN.encode() + b" " * MAX_BYTES,
    "empty": b"",
    "nothing but zeros": bytes(1000),
    "text": b"not XML at all",
}


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_files_are_refused_quickly(name: str):
    took = []
    for _ in range(3):  # the machine may be busy: the least of three is what it costs
        begun = time.thread_time()
        findings = errors(check(BOMBS[name]))
        took.append(time.thread_time() - begun)
        assert findings
        assert all(finding.line >= 1 for finding in findings)
        if took[-1] < 0.5:
            break
    assert min(took) < 0.5


@given(st.integers(0, len(GOLDEN) - 1), st.text(max_size=3), st.integers(0, 40))
def test_the_checker_never_raises(at: int, inserted: str, dropped: int):
    text = GOLDEN[:at] + inserted + GOLDEN[at + dropped :]
    for finding in check(text.encode("utf-8", "surrogatepass")):
        assert 1 <= finding.line <= text.count("\n") + inserted.count("\r") + 2
        assert str(finding).startswith("line ")
