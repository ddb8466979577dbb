"""The template language: what administrators write, checked, bounded, rendered, made safe (design/templates.md)."""

from __future__ import annotations

from addin_host.domain.text.colours import without_fixed_colours
from addin_host.domain.text.compiled import Template, column_near, compile_template
from addin_host.domain.text.limits import MAX_OUTPUT, MAX_SOURCE
from addin_host.domain.text.markup import inline_html, sanitise_html
from addin_host.domain.text.plain import html_to_text, one_line
from addin_host.domain.text.problems import RenderProblem, TemplateProblem, Unmet
from addin_host.domain.text.remarks import Remark, html_remarks
from addin_host.domain.text.variables import sample_values

__all__ = [
    "MAX_OUTPUT",
    "MAX_SOURCE",
    "Remark",
    "RenderProblem",
    "Template",
    "TemplateProblem",
    "Unmet",
    "column_near",
    "compile_template",
    "html_remarks",
    "html_to_text",
    "inline_html",
    "one_line",
    "sample_values",
    "sanitise_html",
    "without_fixed_colours",
]
