"""What is not wrong with an integration but should be known to whoever saves it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from addin_host.domain.errors import Problem
from addin_host.domain.fields import BY_NAME, FIELDS, Field
from addin_host.domain.identity_kinds import OFFICE_SCOPE, IdentityKind, accepted_kinds
from addin_host.domain.integration import Integration
from addin_host.domain.manifest import too_long_labels
from addin_host.domain.text import html_remarks

_CONSTRUCT = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_PIN = re.compile(r"\b(?:guest_)?pin\b")
_REGION = re.compile(r"-(?:[A-Za-z]{2}|[0-9]{3})$")
EXCHANGE_ONLINE = "outlook.office365.com"
EWS_ONLINE = frozenset({EXCHANGE_ONLINE, "outlook.office.com"})
_SHORT_SUFFIX = 6
_REMARKED_KINDS = frozenset({"html_template", "static_html"})


def notices(integration: Integration) -> list[Problem]:
    """Return them, the most important first; none of them keeps the integration from working."""
    return [
        *_pins(integration),
        *_metadata(integration),
        *_protocol(integration),
        *_scope(integration),
        *_aliases(integration),
        *_language(integration),
        *(_notice(BY_NAME[cut.field], str(cut).partition(": ")[2]) for cut in too_long_labels(integration)),
        *_markup(integration),
    ]


def _notice(field: Field, message: str) -> Problem:
    return Problem(field.name, field.label, message)


def _pins(integration: Integration) -> Iterator[Problem]:
    """Location and single-use texts go to everybody who is invited (design/security.md T6)."""
    for field in _in_use(integration):
        public = field.name == "personal_vmr_location_template" or "enable_dynamic_vmrs" in field.available_when[0]
        if field.is_template and public and _prints_pin(str(integration[field.name] or "")):
            yield _notice(field, "it prints a PIN, and everybody who is invited reads it. Remove the PIN.")


def _prints_pin(source: str) -> bool:
    return any(_PIN.search(_QUOTED.sub("", construct)) for construct in _CONSTRUCT.findall(source))


def _metadata(integration: Integration) -> Iterator[Problem]:
    field, sources = BY_NAME["domains"], integration["domains"] or []
    if any(EXCHANGE_ONLINE in source for source in sources):
        yield _notice(
            field, f"Exchange Online no longer issues identity tokens, so {EXCHANGE_ONLINE} has no effect any more."
        )


def _protocol(integration: Integration) -> Iterator[Problem]:
    """Exchange Online ends EWS (design/scheduling.md 10.1); Exchange on-premises keeps it."""
    field, host = BY_NAME["mailbox_protocol"], urlsplit(str(integration["url"] or "")).hostname or ""
    if BY_NAME["url"].is_available(integration.values) and host.lower() in EWS_ONLINE:
        yield _notice(
            field,
            "Exchange Online ends EWS on 1 April 2027: from then on no meeting of this mailbox gets a VMR. Choose "
            "GRAPH, and give the application its permissions.",
        )


def _scope(integration: Integration) -> Iterator[Problem]:
    """One scope serves NAA and SSO. The name is free for NAA, and Office's for SSO."""
    if IdentityKind.SSO in accepted_kinds(integration) and integration["api_scope"] != OFFICE_SCOPE:
        yield _notice(
            BY_NAME["api_scope"],
            f"Office asks for the scope {OFFICE_SCOPE} and for no other, so every SSO token is refused. "
            f"Enter {OFFICE_SCOPE}, and name the scope of the app registration so.",
        )


def _aliases(integration: Integration) -> Iterator[Problem]:
    """Numbers that telephones can dial, and that are hard to guess (design/scheduling.md section 7)."""
    prefix, length = BY_NAME["scheduled_alias_prefix"], BY_NAME["scheduled_alias_suffix_length"]
    if not prefix.is_available(integration.values):
        return
    if (text := str(integration[prefix.name] or "")) and not (text.isascii() and text.isdigit()):
        yield _notice(prefix, "telephones dial digits alone, so nobody can join by telephone. Use digits.")
    if isinstance(digits := integration[length.name], int) and digits < _SHORT_SUFFIX:
        yield _notice(
            length,
            f"{digits} digits make {10**digits:,} numbers, so numbers of meetings are soon guessed. "
            f"Enter {_SHORT_SUFFIX} or more.",
        )


def _language(integration: Integration) -> Iterator[Problem]:
    language = str(integration["default_locale"] or "")
    if language and not _REGION.search(language):
        yield _notice(BY_NAME["default_locale"], "Outlook expects a region as well. Enter one, such as en-US.")


def _markup(integration: Integration) -> Iterator[Problem]:
    for field in _in_use(integration):
        source = str(integration[field.name] or "")
        if field.kind in _REMARKED_KINDS and source != field.default and (remarks := html_remarks(source)):
            more = f" Remarks like this one: {len(remarks)}; the preview shows them all." if len(remarks) > 1 else ""
            yield _notice(field, f"{remarks[0]}{more}")


def _in_use(integration: Integration) -> Iterator[Field]:
    return (field for field in FIELDS if not field.is_secret and field.is_available(integration.values))
