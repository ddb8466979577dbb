"""What an administrator is told to do outside: commands that cannot be broken out of, addresses, the proxy's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from addin_host.domain.chart import bars, ceiling_of
from addin_host.domain.deploy import (
    Setup,
    centralized_deployment,
    conditions,
    exchange_on_premises,
    quoted,
    registrations,
    reverse_proxy_site,
)
from addin_host.domain.errors import Misconfigured
from addin_host.domain.fields import BY_NAME, defaults
from addin_host.domain.integration import Integration

ROOT = Path(__file__).parents[2]
UUID = "7d2f6c1e-94b0-4a55-8d0e-2f8f3b1c9a64"
PERSONAL = {"enable_dynamic_vmrs": False, "enable_personal_vmrs": True, "auth_provider": "AZURE"}
SINGLE_USE = {"enable_dynamic_vmrs": True, "room_mailbox_email_address": "vmr@example.com"}


def integration(**changed: Any) -> Integration:
    values = {**defaults(), "uuid": UUID, "addin_server_domain": "vmr.example.com", **changed}
    return Integration(3, 7, values, "https://vmr.example.com", "0123456789ab")


def texts(commands: Any) -> str:
    return "\n".join(command.text for command in commands)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("plain", "'plain'"),
        ("it's", "'it''s'"),
        ("a\u2018b\u2019c\u201ad\u201be", "'a\u2018\u2018b\u2019\u2019c\u201a\u201ad\u201b\u201be'"),
        ("$(Remove-Item) `n $x", "'$(Remove-Item) `n $x'"),
        ("two\r\nlines\x00\u2028\u202eend", "'two  lines   end'"),
    ],
)
def test_a_value_in_powershell_is_one_word_on_one_line(text: str, word: str) -> None:
    assert quoted(text) == word


def test_exchange_commands_hold_the_integrations_own_values() -> None:
    commands = texts(exchange_on_premises(Setup(integration(**PERSONAL), "sales-1.0.0.7.xml")))
    assert (
        "New-App -OrganizationApp -FileData ([System.IO.File]::ReadAllBytes('C:\\Temp\\sales-1.0.0.7.xml'))" in commands
    )
    assert f"Set-App -OrganizationApp -Identity '{UUID}'" in commands
    assert "-ProvidedTo Everyone -DefaultStateForUser Enabled" in commands
    assert "Set-CalendarProcessing" not in commands


@pytest.mark.parametrize(("protocol", "processing"), [("EWS", "None"), ("GRAPH", "AutoUpdate")])
def test_the_equipment_mailbox_keeps_what_it_is_sent(protocol: str, processing: str) -> None:
    setup = Setup(integration(**SINGLE_USE, mailbox_protocol=protocol), "x.xml")
    for commands in (texts(exchange_on_premises(setup)), texts(centralized_deployment(setup))):
        assert (
            f"Set-CalendarProcessing -Identity 'vmr@example.com' -AutomateProcessing {processing} "
            "-DeleteComments $false -DeleteSubject $false -AddOrganizerToSubject $false "
            "-RemovePrivateProperty $false -ProcessExternalMeetingMessages $false"
        ) in commands


def test_only_exchange_online_is_signed_in_to_before_the_mailbox_is_set_up() -> None:
    setup = Setup(integration(**SINGLE_USE), "x.xml")
    assert "Connect-ExchangeOnline\nSet-CalendarProcessing" in texts(centralized_deployment(setup))
    assert "Connect-ExchangeOnline" not in texts(exchange_on_premises(setup))


def test_microsoft_365_commands_name_product_and_locale() -> None:
    commands = texts(centralized_deployment(Setup(integration(**PERSONAL, default_locale="de_de"), "x.xml")))
    assert "New-OrganizationAddIn -ManifestPath 'C:\\Temp\\x.xml' -Locale 'de-DE'" in commands
    assert f"Set-OrganizationAddIn -ProductId '{UUID}'" in commands


CALLBACK = "https://vmr.example.com/api/client/v2/msexchange_schedulers/3/signin/callback"
SERVICE = "https://admin.example.com/admin/platform/msexchangeconnector/oauth_redirect/"
CLIENT, API = "1f1c7a52-7a34-4f0e-9f5b-6c2a3a2f4c10", "2a9d3c64-0a5e-4c54-8a5c-1c1e0c8c9f21"
ENTRA = "Microsoft Entra ID (Azure)"
ENDPOINTS = {
    "personal_vmr_oauth_auth_endpoint": "https://login.example.com/authorize",
    "personal_vmr_oauth_token_endpoint": "https://login.example.com/token",
}
NAA = {
    "addin_authentication_method": "NAA_TOKEN",
    "addin_application_id": CLIENT,
    "addin_naa_web_api_application_id": API,
}
SSO = {"addin_authentication_method": "SSO_TOKEN", "addin_application_id": CLIENT}
NAA_ADDRESSES = [(ENTRA, "brk-multihub://vmr.example.com"), (ENTRA, f"api://{API}")]
SSO_ADDRESS = (ENTRA, f"api://vmr.example.com/{CLIENT}")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"enable_dynamic_vmrs": False}, []),
        (PERSONAL, [("Microsoft Entra ID (Azure)", CALLBACK)]),
        (PERSONAL | {"auth_provider": "ADFS"}, [("AD FS", CALLBACK)]),
        (ENDPOINTS | {"auth_provider": "AZURE"}, [("Microsoft Entra ID (Azure)", CALLBACK)]),
        ({"authentication_method": "OAUTH", "oauth_redirect_uri": SERVICE}, [("Microsoft Entra ID (Azure)", SERVICE)]),
        ({"authentication_method": "BASIC", "oauth_redirect_uri": SERVICE}, []),
        ({"authentication_method": "OAUTH", "oauth_redirect_uri": SERVICE, "mailbox_protocol": "GRAPH"}, []),
        (NAA, NAA_ADDRESSES),
        (NAA | {"enable_dynamic_vmrs": False}, NAA_ADDRESSES),
        (SSO, [SSO_ADDRESS]),
        (NAA | {"accepted_identity_kinds": ["SSO_TOKEN"]}, [*NAA_ADDRESSES, SSO_ADDRESS]),
        ({"accepted_identity_kinds": ["SSO_TOKEN"], "addin_application_id": CLIENT}, [SSO_ADDRESS]),
    ],
)
def test_only_addresses_in_use_are_to_be_registered(changed: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    found = list(registrations(integration(**changed)))
    assert [(one.provider, one.address) for one in found] == expected
    assert all(len(one.steps) >= 2 and not any("{" in step for step in one.steps) for one in found)


def test_the_steps_name_scope_clients_and_token_version() -> None:
    _spa, api = list(registrations(integration(**NAA, api_scope="rooms")))
    assert "scope named rooms" in " ".join(api.steps)
    assert f"client application with the ID {CLIENT}" in " ".join(api.steps)
    (sso,) = registrations(integration(**SSO, api_scope="rooms"))
    steps = " ".join(sso.steps)
    assert "scope named access_as_user" in steps
    assert "expect rooms: change API scope" in steps
    assert "ea5a67f6-b6f3-4338-b240-c655ddc3cc8e" in steps
    (same,) = registrations(integration(**SSO, api_scope="access_as_user"))
    assert "change API scope" not in " ".join(same.steps)
    assert all("requestedAccessTokenVersion" in one.steps[-1] for one in (api, sso))


SWITCHES = ["enable_add_command", "enable_mobile", "enable_on_send_check"]


def test_each_switch_that_is_on_says_what_it_asks_for() -> None:
    assert list(conditions(integration())) == []
    found = list(conditions(integration(**dict.fromkeys(SWITCHES, True), **SSO)))
    assert [one.field for one in found] == [*SWITCHES, "addin_application_id"]
    assert [one.label for one in found[:3]] == [BY_NAME[name].label for name in SWITCHES]
    assert all("administrator's deployment" in one.words for one in found[1:3])
    off = dict.fromkeys(SWITCHES, True) | {"enable_dynamic_vmrs": False}
    assert list(conditions(integration(**off))) == []


def test_the_site_file_is_the_shipped_one_for_another_host() -> None:
    shipped = (ROOT / "deploy" / "nginx" / "addin-host.conf").read_text()
    made = reverse_proxy_site(shipped, "vmr.company.example")
    assert made.replace("vmr.company.example", "addin.example.com") == shipped
    assert "server_name vmr.company.example;" in made
    with pytest.raises(Misconfigured, match=r"addin\.example\.com"):
        reverse_proxy_site("server {}", "vmr.company.example")


@pytest.mark.parametrize(("largest", "top"), [(0, 5), (5, 5), (6, 10), (11, 20), (21, 50), (51, 100), (1234, 2000)])
def test_the_top_of_a_chart_is_a_round_number(largest: int, top: int) -> None:
    assert ceiling_of(largest) == top


def test_bars_stay_within_the_chart_and_keep_their_proportions() -> None:
    made = bars([[1, 0, 10], [2, 4, 0]], width=300, height=100)
    assert [(bar.series, bar.height) for bar in made] == [(0, 10), (0, 100), (1, 20), (1, 40)]
    assert all(bar.x >= 0 and bar.x + bar.width <= 300 and bar.y + bar.height == 100 for bar in made)
    assert bars([[], []], width=300, height=100) == []
    assert bars([[0], [0]], width=300, height=100) == []
