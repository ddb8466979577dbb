"""What templates cost, compiled once as the product keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median, quantiles

from addin_host.domain.fields import BY_NAME, FIELDS, Field
from addin_host.domain.text import Template, compile_template, sample_values
from bench.figure import Figure, Group, Scale
from bench.timing import microseconds
from bench.workshop import Workshop

_FOUR = "template_render"
_ALL = "default_templates_p95"
_PERSONAL = [BY_NAME[f"personal_vmr_{part}_template"] for part in ("name", "description", "location", "instructions")]


def _measure(_workshop: Workshop, scale: Scale, wanted: frozenset[str]) -> Iterator[Figure]:
    if _FOUR in wanted:
        ready = [_ready(field) for field in _PERSONAL]
        taken = microseconds(
            lambda _turn: [template.render(values) for template, values in ready], range(scale.repeats * 100)
        )
        yield Figure(_FOUR, median(taken), "us")
    if _ALL in wanted:
        every = [_ready(field) for field in FIELDS if field.is_template]
        for template, values in every:
            template.render(values)
        rounds = [microseconds(lambda one: one[0].render(one[1]), every) for _turn in range(scale.repeats * 5)]
        flat = [one for turn in rounds for one in turn]
        yield Figure(
            _ALL, quantiles(flat, n=20)[-1] / 1000, "ms", "<=15", {"templates": len(every), "max_us": max(flat)}
        )


def _ready(field: Field) -> tuple[Template, dict[str, object]]:
    template = compile_template(field.default, kind=field.kind, variables=field.variables)
    return template, dict(sample_values(field.variables, "typical"))


GROUP = Group((_FOUR, _ALL), _measure)
