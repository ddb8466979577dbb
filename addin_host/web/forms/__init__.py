"""Forms built from the field tables (integrations, platform): what stands on the page, and what comes back from it."""

from addin_host.web.forms.controls import CHOICE_LABELS, IntegrationForm
from addin_host.web.forms.page import Filled, Section, ShownField, platform_sections, sections
from addin_host.web.forms.record import cleared_secrets, submitted_record, typed_values

__all__ = [
    "CHOICE_LABELS",
    "Filled",
    "IntegrationForm",
    "Section",
    "ShownField",
    "cleared_secrets",
    "platform_sections",
    "sections",
    "submitted_record",
    "typed_values",
]
