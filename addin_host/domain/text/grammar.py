"""What a template may be made of: an allow-list over the parsed syntax tree (design/templates.md, normative)."""

from __future__ import annotations

import difflib
import inspect
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NoReturn

from jinja2 import nodes

from addin_host.domain.text.conditions import CONDITIONS
from addin_host.domain.text.filters import BUILT_IN
from addin_host.domain.text.limits import MAX_DEPTH, MAX_NODES
from addin_host.domain.text.problems import TemplateProblem
from addin_host.domain.text.product import ALLOWANCE_FIRST, MOMENT_PARTS, PRODUCT, WITHOUT_INPUT

LOOP_PARTS = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})
MAX_LOOP_NESTING = 2
_LARGEST_NUMBER = 10**18
_SURROGATE = re.compile("[\ud800-\udfff]")
_RESERVED = frozenset({"loop", "self", "super", "caller", "varargs", "kwargs"})

_PLAIN = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.List,
    nodes.Dict,
    nodes.Pair,
    nodes.Tuple,
    nodes.Getitem,
    nodes.Slice,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Pow,
    nodes.Neg,
    nodes.Pos,
    nodes.Concat,
    nodes.Keyword,
)
_REFUSALS: dict[type[nodes.Node], str] = {
    nodes.Include: "include is not possible: a template stands alone; copy the text in",
    nodes.Import: "import is not possible: a template stands alone",
    nodes.FromImport: "import is not possible: a template stands alone",
    nodes.Extends: "extends is not possible: a template stands alone",
    nodes.Block: "block is not possible here; write its content where it belongs",
    nodes.Macro: "macros are not possible; write the text out, or use a loop",
    nodes.CallBlock: "call blocks are not possible",
    nodes.FilterBlock: "filter blocks are not possible; put the filter behind each value: {{ value|upper }}",
    nodes.Scope: "autoescape cannot be changed: every value is escaped",
    nodes.AssignBlock: "set needs a value: {% set name = value %}",
    nodes.With: "with is not possible; use {% set name = value %}",
    nodes.NSRef: "only a plain name can be set: {% set name = value %}",
}
_FILTER_HINTS = {
    "safe": "the filter safe is not possible: values are text and are always escaped",
    "escape": "the filter escape is not needed: values are always escaped",
    "e": "the filter e is not needed: values are always escaped",
}


class Grammar:
    """One check of one tree. `names` collects the template's variables in use, `functions` its pex_ filters."""

    def __init__(self, tree: nodes.Template, variables: Collection[str]) -> None:
        self._variables = frozenset(variables)
        self._known = self._variables | set(self._set_names(tree))
        self._count = 0
        self.names: set[str] = set()
        self.functions: set[str] = set()
        self._visit(tree, 0, 0)

    @staticmethod
    def _set_names(tree: nodes.Template) -> Iterator[str]:
        return (name.name for name in tree.find_all(nodes.Name) if name.ctx in ("store", "param"))

    def _visit(self, node: nodes.Node, depth: int, loops: int) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            _refuse(node, "the template has too many parts; make it simpler")
        if depth > MAX_DEPTH:
            _refuse(node, f"the template is nested more than {MAX_DEPTH} levels deep; make it simpler")
        check = _CHECKS.get(type(node))
        if check is not None:
            check(self, node, loops)
        elif type(node) not in _PLAIN:
            _refuse(node, _REFUSALS.get(type(node), f"{type(node).__name__} is not part of the template language"))
        for child in self._children(node):
            self._visit(child, depth + 1, loops + isinstance(node, nodes.For))

    @staticmethod
    def _children(node: nodes.Node) -> Iterator[nodes.Node]:
        # The name of a called function is not a value; it has been checked with the call.
        return node.iter_child_nodes(exclude=("node",) if isinstance(node, nodes.Call) else None)

    def _name(self, node: nodes.Name, loops: int) -> None:
        if node.ctx != "load":
            if node.name in _RESERVED or node.name.startswith(("_", "pex_")):
                _refuse(node, f"the name {node.name} is taken; choose another", node.name)
        elif node.name == "loop":
            if not loops:
                _refuse(node, "loop exists only inside a for loop", "loop")
        elif node.name not in self._known:
            _refuse(node, self._unknown_name(node.name), node.name)
        elif node.name in self._variables:
            self.names.add(node.name)

    def _unknown_name(self, name: str) -> str:
        if name in PRODUCT:
            return f"write {name} with its arguments: {name}(…)"
        close = difflib.get_close_matches(name, self._known, n=1, cutoff=0.5)
        if close:
            return f"{name} is not a variable of this template; did you mean {close[0]}?"
        choice = ", ".join(sorted(self._variables))
        return f"{name} is not a variable of this template; it can use {choice or 'none'}"

    def _for(self, node: nodes.For, loops: int) -> None:
        if node.recursive:
            _refuse(node, "recursive loops are not possible")
        if loops >= MAX_LOOP_NESTING:
            _refuse(node, f"loops may be nested {MAX_LOOP_NESTING} deep")
        _check_target(node.target)

    def _assign(self, node: nodes.Assign, _loops: int) -> None:
        if not isinstance(node.target, nodes.Name):
            _refuse(node, "only a plain name can be set: {% set name = value %}")

    def _constant(self, node: nodes.Const, _loops: int) -> None:
        value = node.value
        if isinstance(value, (int, float)) and not (math.isfinite(value) and abs(value) <= _LARGEST_NUMBER):
            _refuse(node, "a number is too large")
        if isinstance(value, str) and _SURROGATE.search(value):
            _refuse(node, "a text holds half of a character (\\ud800 to \\udfff)")

    def _attribute(self, node: nodes.Getattr, _loops: int) -> None:
        owner = node.node
        if isinstance(owner, nodes.Name) and owner.name == "loop":
            allowed: Collection[str] = LOOP_PARTS
        elif isinstance(owner, (nodes.Name, nodes.Call)):
            allowed = MOMENT_PARTS
        else:
            allowed = ()
        if node.attr not in allowed:
            _refuse(node, f".{node.attr} is not possible; only loop and the value of pex_now have parts", node.attr)

    def _call(self, node: nodes.Call, _loops: int) -> None:
        name = node.node.name if isinstance(node.node, nodes.Name) else ""
        if name not in PRODUCT:
            called = name or getattr(node.node, "attr", "this")
            _refuse(node, _not_callable(called, is_method=not name), called)
        self.functions.add(name)
        _check_arguments(node, name, PRODUCT[name], piped=0)

    def _filter(self, node: nodes.Filter, _loops: int) -> None:
        function = BUILT_IN.get(node.name) or PRODUCT.get(node.name)
        if function is None or node.node is None:
            _refuse(node, _unknown("filter", node.name, {**BUILT_IN, **PRODUCT}), node.name)
        self.functions.add(node.name)
        _check_arguments(node, node.name, function, piped=0 if node.name in WITHOUT_INPUT else 1)

    def _test(self, node: nodes.Test, _loops: int) -> None:
        function = CONDITIONS.get(node.name)
        if function is None:
            _refuse(node, _unknown("test", node.name, CONDITIONS), node.name)
        _check_arguments(node, node.name, function, piped=1)


_CHECKS: dict[type[nodes.Node], Callable[[Grammar, Any, int], None]] = {
    nodes.Name: Grammar._name,
    nodes.For: Grammar._for,
    nodes.Assign: Grammar._assign,
    nodes.Const: Grammar._constant,
    nodes.Getattr: Grammar._attribute,
    nodes.Call: Grammar._call,
    nodes.Filter: Grammar._filter,
    nodes.Test: Grammar._test,
}


def _refuse(node: nodes.Node, message: str, word: str | None = None) -> NoReturn:
    problem = TemplateProblem(message, node.lineno or 1)
    problem.word = word
    raise problem


def _unknown(what: str, name: str, known: Mapping[str, object]) -> str:
    if what == "filter" and name in _FILTER_HINTS:
        return _FILTER_HINTS[name]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(known))}"
    return f"there is no {what} {name}; {hint}"


def _not_callable(name: str, *, is_method: bool) -> str:
    if name in BUILT_IN:
        return f"{name} is a filter: write {{{{ value|{name} }}}}"
    if is_method:
        return f"{name} cannot be called: values have no methods; use a filter: {{{{ value|upper }}}}"
    close = difflib.get_close_matches(name, PRODUCT, n=1, cutoff=0.5)
    return f"{name} cannot be called; {f'did you mean {close[0]}?' if close else 'only the pex_ functions can'}"


def _check_target(target: nodes.Node) -> None:
    names = target.items if isinstance(target, nodes.Tuple) else [target]
    if not all(isinstance(name, nodes.Name) for name in names):
        _refuse(target, "a loop needs plain names: {% for name in list %}")


def _check_arguments(node: nodes.Call | nodes.Filter | nodes.Test, name: str, function: Any, *, piped: int) -> None:
    """Refuse arguments that the function does not take, so that a slip shows at save and not in a meeting."""
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        _refuse(node, f"write the arguments of {name} out, without * and **", name)
    count = len(node.args) + piped + (name in ALLOWANCE_FIRST)
    try:
        inspect.signature(function).bind(*[None] * count, **{str(pair.key): None for pair in node.kwargs})
    except TypeError as error:
        _refuse(node, f"the arguments of {name} are not right: {error}", name)
