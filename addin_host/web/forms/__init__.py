"""The form of an integration, built from the field table: what stands on the page, and what comes back from it."""

from addin_host.web.forms.record import cleared_secrets, submitted_record, typed_values

__all__ = ["cleared_secrets", "submitted_record", "typed_values"]
