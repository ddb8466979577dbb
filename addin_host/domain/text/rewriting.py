"""Replaces constructs that Jinja runs without a hook by capped operations.

Concatenation, comparisons, slices, literals and loops become calls of internal filters whose names no template can
write, calls of `pex_…` become filters too: so nothing needs a global, and everything is paid for.
"""

from __future__ import annotations

from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

CONCATENATE = "~join"
COMPARE = "~compare"
EACH = "~each"
PART = "~part"
HOLD = "~hold"
CALL = "~call:"


def _operation(name: str, node: Any, *args: Any, kwargs: list[nodes.Keyword] | None = None) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), kwargs or [], None, None, lineno=node.lineno)


def _constant(value: object) -> nodes.Const:
    return nodes.Const(value)


class _Rewriter(NodeTransformer):
    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - the name Jinja looks for
        self.generic_visit(node)
        return _operation(CONCATENATE, *node.nodes)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        steps = [part for operand in node.ops for part in (_constant(operand.op), operand.expr)]
        return _operation(COMPARE, node.expr, *steps)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        size = sum(1 for _ in node.find_all(nodes.Node))
        self.generic_visit(node)
        node.iter = _operation(EACH, node.iter, _constant(size))
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        bounds = (node.arg.start, node.arg.stop, node.arg.step)
        return _operation(PART, node.node, *(bound or _constant(None) for bound in bounds))

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr2 = node.expr2 or _constant(None)
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802
        assert isinstance(node.node, nodes.Name)  # noqa: S101 - the grammar admits calls of names only
        name, node.node = node.node.name, _constant(None)
        self.generic_visit(node)
        return _operation(CALL + name, node.node, *node.args, kwargs=node.kwargs)

    def _visit_literal(self, node: Any) -> nodes.Node:
        self.generic_visit(node)
        return _operation(HOLD, node)

    visit_List = visit_Dict = _visit_literal  # noqa: N815

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        return self._visit_literal(node) if node.ctx == "load" else node


def rewrite(tree: nodes.Template) -> nodes.Template:
    """Return the tree with capped operations in place. The tree must have passed the grammar."""
    rewritten = _Rewriter().visit(tree)
    assert isinstance(rewritten, nodes.Template)  # noqa: S101 - tells mypy; a template stays one
    return rewritten
