"""The fields of the table as WTForms fields: one for each that a person may set, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms import Field as Control
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget, NumberInput

from addin_host.domain.fields import BY_NAME, FIELDS
from addin_host.domain.fields import Field as TableField
from addin_host.domain.platform import PLATFORM_FIELDS

Lists = Mapping[str, Sequence[tuple[int, str]]]
CHOICE_LABELS: Mapping[str, str] = {
    "BASIC": "Basic",
    "NTLM": "NTLM",
    "KERBEROS": "Kerberos",
    "OAUTH": "OAuth with a service account",
    "APP_PERM": "OAuth with app permissions",
    "EWS": "Exchange Web Services (EWS)",
    "GRAPH": "Microsoft Graph",
    "allow_if_trusted": "Let in devices that the platform trusts",
    "disallow_all": "Turn all other devices away",
    "ADFS": "AD FS",
    "AZURE": "Azure (Microsoft Entra ID)",
    "auto": "Automatic",
    "preferred_username": "preferred_username",
    "email": "email",
    "upn": "upn",
    "unique_name": "unique_name",
    "EXCHANGE_USER_ID_TOKEN": "Exchange identity token",
    "SSO_TOKEN": "Single sign-on token",
    "NAA_TOKEN": "Nested app authentication (NAA) token",
    "STARTTLS": "STARTTLS",
    "TLS": "TLS from the start",
    "NONE": "None",
    "BUILT_IN": "On this server, which the platform asks (external policy)",
    "MANAGEMENT_API": "On the platform, written over its management API",
    "REJECT": "There is no such meeting",
    "CONTINUE": "Look among your own services",
}
LONG_KINDS = frozenset({"html_template", "text_template", "static_html", "pem"})
_LINES_KINDS = frozenset(
    {
        "list_of_url_or_fqdn",
        "list_of_urls_one_per_line",
        "list_of_origins_one_per_line",
        "list_of_uuids_one_per_line",
        "list_of_emails_one_per_line",
        "list_of_roles_one_per_line",
    }
)
TALL_KINDS = LONG_KINDS | _LINES_KINDS | {"html_label"}


def _control(field: TableField) -> Control:
    """Return the unbound WTForms field of a field of the table. It judges nothing: domain.validation does."""
    choices = [SelectChoice(choice, CHOICE_LABELS[choice]) for choice in field.choices]
    boxes = {"widget": ListWidget(prefix_label=False), "option_widget": CheckboxInput()}
    make: Callable[..., Control] = _BY_KIND.get(field.kind, TextAreaField if field.kind in TALL_KINDS else StringField)
    options: Mapping[str, Mapping[str, Any]] = {
        "int": {"widget": NumberInput(step="1")},
        "choice": {"choices": choices},
        "reference": {"choices": []},
        "list_of_choices": {"choices": choices, **boxes},
    }
    return make(field.label, **options.get(field.kind, {}))


_BY_KIND: Mapping[str, Callable[..., Control]] = {
    "bool": BooleanField,
    "choice": SelectField,
    "reference": SelectField,
    "list_of_choices": SelectMultipleField,
    "secret": PasswordField,
}


def _form(name: str, table: Sequence[TableField]) -> Any:
    made = {field.name: _control(field) for field in table if field.is_editable and field.kind != "image"}
    return type(name, (FlaskForm,), made)


IntegrationForm = _form("IntegrationForm", FIELDS)
PlatformForm = _form("PlatformForm", PLATFORM_FIELDS)


def form_of(values: Mapping[str, Any], lists: Lists, form: Any = IntegrationForm) -> Any:
    """Return a form filled with values. `lists` holds the entries (id, name) of the fields that refer to a list."""
    lines = {f.name: "\n".join(values.get(f.name) or ()) for f in FIELDS if f.kind == "list_of_url_or_fqdn"}
    filled = form(formdata=None, data={**values, **lines})
    for name, entries in lists.items():
        filled[name].choices = [
            SelectChoice("", "None"),
            *(SelectChoice(str(number), text) for number, text in entries),
            *_gone(name, values, lists),
        ]
    return filled


def _gone(name: str, values: Mapping[str, Any], lists: Lists) -> list[SelectChoice]:
    """Keep an entry selected that is not in the list, so that saving says so instead of dropping it."""
    value = values.get(name)
    known = {number for number, _text in lists[name]}
    return (
        []
        if value is None or value in known
        else [SelectChoice(str(value), f"{BY_NAME[name].label} {value} (deleted)")]
    )
