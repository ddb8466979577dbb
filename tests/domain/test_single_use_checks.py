"""What the checks say about single-use VMRs from the entries alone."""

from __future__ import annotations

from typing import Any

import pytest

from addin_host.domain.checks import CHECKS, Outcome, Verdict
from addin_host.domain.fields import defaults
from addin_host.domain.integration import Integration
from addin_host.domain.single_use_checks import alias_space, nested, ways_in
from tests.conftest import a_record

EXCHANGE = {"addin_authentication_method": "EXCHANGE_USER_ID_TOKEN", "domains": ["mail.example.com"]}
SSO = {
    "addin_authentication_method": "SSO_TOKEN",
    "addin_application_id": "11111111-1111-4111-8111-111111111111",
    "addin_oidc_metadata_url": "https://login.example.com/t/v2.0/.well-known/openid-configuration",
}
NAA = SSO | {
    "addin_authentication_method": "NAA_TOKEN",
    "addin_authority_url": "https://login.example.com/t",
    "addin_naa_web_api_application_id": "22222222-2222-4222-8222-222222222222",
}
HYBRID = EXCHANGE | NAA | {"accepted_identity_kinds": ["EXCHANGE_USER_ID_TOKEN"]}
NO_DIALOG = {"personal_vmr_oauth_auth_endpoint": "", "personal_vmr_oauth_token_endpoint": ""}


def an_integration(*changes: dict[str, Any]) -> Integration:
    values = defaults() | a_record(enable_dynamic_vmrs=True)
    for some in changes:
        values |= some
    return Integration(1, 1, values, "https://vmr.example.com")


def told(verdict: Verdict) -> str:
    return f"{verdict.message} {verdict.next_step}"


@pytest.mark.parametrize(
    ("changes", "outcome", "words"),
    [
        ([EXCHANGE], Outcome.OK, "by Exchange identity tokens and by signing in"),
        ([EXCHANGE, NO_DIALOG], Outcome.OK, "by Exchange identity tokens."),
        ([NAA], Outcome.OK, "by NAA tokens and by signing in"),
        ([HYBRID], Outcome.OK, "NAA tokens and Exchange identity tokens and by signing in"),
        ([NAA, NO_DIALOG], Outcome.WARNING, "nested app authentication (NAA) have no way in"),
        ([HYBRID, NO_DIALOG], Outcome.WARNING, "in Exchange Online"),
        ([SSO, NO_DIALOG], Outcome.WARNING, "that give none have no way in"),
        ([EXCHANGE, {"domains": None}], Outcome.WARNING, "has to sign in"),
        ([EXCHANGE, {"domains": ["outlook.office365.com"]}], Outcome.WARNING, "no longer issues them"),
        ([HYBRID, {"domains": []}], Outcome.WARNING, "Exchange identity tokens: Domain or URL is missing."),
        ([EXCHANGE, NO_DIALOG, {"domains": None}], Outcome.FAILED, "Domain or URL is missing"),
        ([NAA, NO_DIALOG, {"addin_authority_url": " "}], Outcome.FAILED, "Add-in auth authority URL is missing"),
    ],
)
def test_somebody_has_a_way_in(changes: list[dict[str, Any]], outcome: Outcome, words: str) -> None:
    verdict = ways_in(an_integration(*changes), has_library=True)
    assert (verdict.outcome, words in told(verdict)) == (outcome, True), verdict
    assert (outcome is Outcome.OK) == (verdict.next_step == "")


def test_naa_is_no_way_in_without_its_library() -> None:
    verdict = ways_in(an_integration(NAA, NO_DIALOG), has_library=False)
    assert verdict.outcome is Outcome.FAILED
    assert "NAA tokens: the library for them is not installed." in verdict.message


@pytest.mark.parametrize(
    ("changes", "has_library", "outcome", "words"),
    [
        ({}, True, Outcome.OK, "brk-multihub://vmr.example.com"),
        ({}, False, Outcome.FAILED, "msal-browser"),
        ({"addin_application_id": None}, True, Outcome.FAILED, "Add-in application ID"),
        (
            {"addin_application_id": str(NAA["addin_naa_web_api_application_id"]).upper()},
            True,
            Outcome.WARNING,
            "same application",
        ),
    ],
)
def test_nested_app_authentication(changes: dict[str, Any], has_library: bool, outcome: Outcome, words: str) -> None:
    verdict = nested(an_integration(NAA, changes), has_library=has_library)
    assert (verdict.outcome, words in told(verdict)) == (outcome, True), verdict


@pytest.mark.parametrize(
    ("length", "live", "outcome", "words"),
    [
        (6, 0, Outcome.OK, "0 of 1,000,000 numbers are in use (0.00 %)."),
        (6, 12, Outcome.OK, "less than 0.01 %"),
        (6, 1_000, Outcome.OK, "(0.10 %)"),
        (6, 1_001, Outcome.WARNING, "suffix length to 7"),
        (6, 30_000, Outcome.WARNING, "(3.00 %). Once more than 0.10 % are"),
        (5, 6_000, Outcome.WARNING, "suffix length to 8"),
        (15, 10**13, Outcome.WARNING, "another scheduled alias prefix"),
    ],
)
def test_the_space_of_numbers(length: int, live: int, outcome: Outcome, words: str) -> None:
    verdict = alias_space(an_integration({"scheduled_alias_suffix_length": length}), live)
    assert (verdict.outcome, words in told(verdict)) == (outcome, True), verdict


@pytest.mark.parametrize(("entered", "looks"), [({}, True), (NO_DIALOG, False)])
def test_the_sign_in_is_checked_wherever_there_is_a_dialog(entered: dict[str, str], looks: bool) -> None:
    integration = an_integration({"enable_personal_vmrs": False}, entered)
    skipped = [check.skipped(integration) for check in CHECKS if check.name in {"authorization", "token", "discovery"}]
    assert len(skipped) == 3
    assert [words == "" for words in skipped] == [looks] * 3
