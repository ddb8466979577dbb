"""Texts out of the templates that administrators write: a template that fails never leaves a meeting without text."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from addin_host.domain.fields import BY_NAME
from addin_host.domain.text import RenderProblem, Template, TemplateProblem, compile_template

_log = logging.getLogger(__name__)


def compiled(name: str, source: str) -> Template:
    """Return the template of an integration's field, or the field's default when it is refused."""
    field = BY_NAME[name]
    try:
        return compile_template(source, kind=field.kind, variables=field.variables)
    except TemplateProblem as problem:
        # It was good when it was saved; a later version of this program may judge otherwise.
        _log.warning("The template %s is refused and its default is used: %s", name, problem)
        return compile_template(field.default, kind=field.kind, variables=field.variables)


def rendered(name: str, template: Template, values: Mapping[str, Any], *, otherwise: str) -> str:
    """Render with the template, else with the field's default, else return `otherwise`: never nothing at all."""
    try:
        return template.render(values)
    except RenderProblem as problem:
        _log.warning("The template %s failed and its default is used: %s", name, problem)
    field = BY_NAME[name]
    try:
        return compile_template(field.default, kind=field.kind, variables=field.variables).render(values)
    except (RenderProblem, TemplateProblem):
        return otherwise
