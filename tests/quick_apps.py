"""Applications that start quickly: what Flask compiles for the first of this process is kept for those of later tests.

The tests make about a thousand applications, all of the same routes and templates. Compiling those is most of what it
takes to make one and to render its first page, and is nothing that a test is about.
"""

from __future__ import annotations

from types import CodeType
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule


class KeptTemplates(BytecodeCache):
    """Compiled templates, by name and content, for as long as the process lives."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._kept[bucket.key, bucket.checksum] = bucket.code


def install() -> None:
    """Let every application that this process makes from now on share what was compiled."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": KeptTemplates()}
    builders: dict[Any, Any] = {}
    compiled = Rule._compile_builder

    def kept(rule: Rule, append_unknown: bool = True) -> Any:
        # What the compiled function consists of; the converters are the rule's own and come with `self`.
        parts = (tuple(rule._trace), repr(rule.defaults), append_unknown)
        if parts not in builders:
            builders[parts] = compiled(rule, append_unknown)
        return builders[parts]

    Rule._compile_builder = kept  # type: ignore[method-assign]
