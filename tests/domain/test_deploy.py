"""What an administrator is told to do outside: commands that cannot be broken out of, addresses, the proxy's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from addin_host.domain.chart import bars, ceiling_of
from addin_host.domain.deploy import (
    Setup,
    centralized_deployment,
    exchange_on_premises,
    quoted,
    registrations,
    reverse_proxy_site,
)
from addin_host.domain.errors import Misconfigured
from addin_host.domain.fields import defaults
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


def test_microsoft_365_commands_name_product_and_locale() -> None:
    commands = texts(centralized_deployment(Setup(integration(**PERSONAL, default_locale="de_de"), "x.xml")))
    assert "New-OrganizationAddIn -ManifestPath 'C:\\Temp\\x.xml' -Locale 'de-DE'" in commands
    assert f"Set-OrganizationAddIn -ProductId '{UUID}'" in commands


CALLBACK = "https://vmr.example.com/api/client/v2/msexchange_schedulers/3/signin/callback"
SERVICE = "https://admin.example.com/admin/platform/msexchangeconnector/oauth_redirect/"
NAA = {"enable_dynamic_vmrs": True, "addin_authentication_method": "NAA_TOKEN"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"enable_dynamic_vmrs": False}, []),
        (PERSONAL, [("Microsoft Entra ID (Azure)", CALLBACK)]),
        (PERSONAL | {"auth_provider": "ADFS"}, [("AD FS", CALLBACK)]),
        ({"authentication_method": "OAUTH", "oauth_redirect_uri": SERVICE}, [("Microsoft Entra ID (Azure)", SERVICE)]),
        ({"authentication_method": "BASIC", "oauth_redirect_uri": SERVICE}, []),
        ({"authentication_method": "OAUTH", "oauth_redirect_uri": SERVICE, "mailbox_protocol": "GRAPH"}, []),
        (NAA, [("Microsoft Entra ID (Azure)", "brk-multihub://vmr.example.com")]),
        (NAA | {"enable_dynamic_vmrs": False}, []),
    ],
)
def test_only_addresses_in_use_are_to_be_registered(changed: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    found = list(registrations(integration(**changed)))
    assert [(one.provider, one.address) for one in found] == expected
    assert all(len(one.steps) >= 2 and not any("{" in step for step in one.steps) for one in found)


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
