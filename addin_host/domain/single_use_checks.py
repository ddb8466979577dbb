"""What the checks say about single-use VMRs, from the entries alone: ways in, NAA, and how full the alias space is."""

from __future__ import annotations

from collections.abc import Mapping

from addin_host.domain.checks import Verdict, fail, fine, metadata_sources, warn
from addin_host.domain.fields import FIELDS, Field, is_blank
from addin_host.domain.identity_kinds import IdentityKind, accepted_kinds, has_dialog
from addin_host.domain.integration import Integration
from addin_host.domain.notices import EXCHANGE_ONLINE

FULL = 0.001  # of the alias space: from here on random numbers are found too easily (design/security.md F1)
_LONGEST_SUFFIX = 15
_WORDS: Mapping[IdentityKind, str] = {
    IdentityKind.EXCHANGE: "Exchange identity tokens",
    IdentityKind.SSO: "SSO tokens",
    IdentityKind.NAA: "NAA tokens",
}
_DIALOG = "Switch on personal VMRs and enter their sign-in: its dialog lets people in as well."


def ways_in(integration: Integration, *, has_library: bool) -> Verdict:
    """Say how Outlook can tell who is asking; `has_library`: the library for NAA is installed."""
    kinds = accepted_kinds(integration)
    gaps = {kind: gap for kind in kinds if (gap := _gap(integration, kind, has_library=has_library))}
    whole, dialog = [kind for kind in kinds if kind not in gaps], has_dialog(integration)
    listed = "\n".join(f"{_WORDS[kind]}: {gap}" for kind, gap in gaps.items())
    if not whole and not dialog:
        return fail(f"Nobody can be recognised, so nobody gets a single-use VMR.\n{listed}", "Enter what is missing.")
    if not whole:
        return warn(
            f"Everybody has to sign in before they get a single-use VMR, since no token is accepted.\n{listed}",
            "Enter what is missing.",
        )
    if gaps:
        return warn(listed, "Enter what is missing, or accept this kind of token no longer.")
    names = " and ".join(_WORDS[kind] for kind in whole)
    if not dialog and set(whole) - {IdentityKind.EXCHANGE}:
        return warn(f"People in Exchange Online are recognised by their tokens alone. {_older(whole)}", _DIALOG)
    return fine(f"People are recognised by {names}{' and by signing in' if dialog else ''}.")


def _older(kinds: list[IdentityKind]) -> str:
    if IdentityKind.SSO in kinds:
        return "Outlook versions that give none have no way in."
    return "Outlook versions that know no nested app authentication (NAA) have no way in."


def _gap(integration: Integration, kind: IdentityKind, *, has_library: bool) -> str:
    """Return what keeps a kind of token from being accepted, or ""."""
    missing = [field.label for field in settings_of(kind) if is_blank(integration[field.name])]
    if missing:
        return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
    if kind is IdentityKind.NAA and not has_library:
        return "the library for them is not installed."
    if kind is IdentityKind.EXCHANGE and all(EXCHANGE_ONLINE in entry for entry in metadata_sources(integration)):
        return "Exchange Online, the only metadata domain, no longer issues them."
    return ""


def settings_of(kind: IdentityKind) -> list[Field]:
    """Return the fields that a kind of token needs and that are not needed without it."""
    without = {"enable_dynamic_vmrs": True}
    chosen = {**without, "addin_authentication_method": kind.value}
    return [field for field in FIELDS if field.is_required(chosen) and not field.is_required(without)]


def nested(integration: Integration, *, has_library: bool) -> Verdict:
    """Judge the entries for nested app authentication (design/outlook.md 4.1)."""
    missing = [field.label for field in settings_of(IdentityKind.NAA) if is_blank(integration[field.name])]
    if missing:
        return fail(f"Missing for NAA tokens: {', '.join(missing)}.", "Enter them under Add-in authentication.")
    if not has_library:
        return fail(
            "The library msal-browser is not installed, so Outlook is never asked for an NAA token.",
            "Put it below static/vendor with `make vendor` (docs/sign-in.md) and start the service again.",
        )
    add_in, api = (str(integration[name]).lower() for name in _APPLICATIONS)
    if add_in == api:
        return warn(
            "The add-in and the API are the same application, so tokens for the one cannot be told from the other's.",
            "Register an application of its own for the API, and let the add-in's application use its scope.",
        )
    return fine(
        f"Two applications are named, and the library is installed. Whether brk-multihub://{integration.fqdn} is "
        f"registered as a redirect URI of the application {add_in} (platform: single-page application) cannot be seen "
        "from here; the Deploy page has the steps."
    )


_APPLICATIONS = ("addin_application_id", "addin_naa_web_api_application_id")


def alias_space(integration: Integration, live: int) -> Verdict:
    """Say how many of the possible numbers are in use; `live` counts the aliases that are not given back."""
    length = int(integration["scheduled_alias_suffix_length"])
    space = 10**length
    told = f"{live:,} of {space:,} numbers are in use ({_percent(live / space)})."
    if live <= FULL * space:
        return fine(told)
    better = next((more for more in range(length + 1, _LONGEST_SUFFIX + 1) if live <= FULL / 2 * 10**more), 0)
    step = f"Set the scheduled alias suffix length to {better}." if better else "Choose another scheduled alias prefix."
    return warn(f"{told} Once more than {_percent(FULL)} are, numbers of meetings are soon guessed.", step)


def _percent(part: float) -> str:
    return "less than 0.01 %" if 0 < part < 0.0001 else f"{part * 100:.2f} %"
