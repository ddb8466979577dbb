"""The sandbox that templates run in: Jinja's immutable one, emptied, with every operation paid for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from addin_host.domain.text import operations, rewriting
from addin_host.domain.text.conditions import CONDITIONS
from addin_host.domain.text.filters import BUILT_IN
from addin_host.domain.text.grammar import LOOP_PARTS
from addin_host.domain.text.limits import OPERATION, Allowance, text_of
from addin_host.domain.text.product import ALLOWANCE_FIRST, EXTRA_COST, MOMENT_PARTS, PRODUCT, WITHOUT_INPUT, Moment


class Nothing(Undefined):
    """A missing value: prints nothing, is false, has no items; nothing done with it is an error."""

    __slots__ = ()


class Rendering(Context):
    """The context of one rendering, with what it may still spend."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.allowance = Allowance()


class Sandbox(ImmutableSandboxedEnvironment):
    """Reaches items by key only, attributes only of `loop` and of a moment, and no global at all."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    intercepted_unops = frozenset({"+", "-"})
    context_class = Rendering

    def __init__(self, *, autoescape: bool) -> None:
        # Not optimised: Jinja would run filters while it compiles, where nobody pays.
        super().__init__(autoescape=autoescape, undefined=Nothing, optimized=False, finalize=_printed, cache_size=0)
        self.globals.clear()
        self.filters = dict(_FILTERS)
        self.tests = dict(_TESTS)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Run an operator under its caps."""
        return operations.arithmetic(_allowance(context), operator, left, right)

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:  # noqa: ARG002 - Jinja's signature
        """Run a sign."""
        return operations.sign(operator, arg)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an item, never an attribute."""
        found = operations.item(obj, argument)
        return self.undefined(name=str(argument)[:40]) if found is None else found

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a part of `loop` or of a moment; anything else is missing."""
        parts = LOOP_PARTS if type(obj) is LoopContext else MOMENT_PARTS if type(obj) is Moment else ()
        return getattr(obj, attribute) if attribute in parts else self.undefined(name=attribute)


def _allowance(context: Context) -> Allowance:
    assert isinstance(context, Rendering)  # noqa: S101 - Sandbox.context_class makes it so
    return context.allowance


@pass_context
def _printed(context: Context, value: Any) -> str:
    text = text_of(value)
    _allowance(context).spend(OPERATION + len(text))
    return text


def _paid(function: Callable[..., Any], extra: int = 0, *, allowance_first: bool = False) -> Callable[..., Any]:
    """Return the filter or test, paying for what it reads and for what it makes."""

    @pass_context
    def run(context: Context, *args: Any, **kwargs: Any) -> Any:
        allowance = _allowance(context)
        allowance.spend(OPERATION + extra)
        for argument in (*args, *kwargs.values()):
            allowance.read(argument)
        if allowance_first:
            return allowance.keep(function(allowance, *args, **kwargs))
        return allowance.keep(function(*args, **kwargs))

    return run


def _with_allowance(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operation that gets the allowance and pays for itself."""

    @pass_context
    def run(context: Context, *args: Any, **kwargs: Any) -> Any:
        return function(_allowance(context), *args, **kwargs)

    return run


def _without_input(function: Callable[..., Any]) -> Callable[..., Any]:
    @pass_context
    def run(context: Context, _: Any, *args: Any, **kwargs: Any) -> Any:
        return function(context, *args, **kwargs)

    return run


def _product() -> dict[str, Callable[..., Any]]:
    """Return every pex_ filter twice: as a filter, and under the internal name of its call."""
    table: dict[str, Callable[..., Any]] = {}
    for name, function in PRODUCT.items():
        paid = _paid(function, EXTRA_COST.get(name, 0), allowance_first=name in ALLOWANCE_FIRST)
        called = _without_input(paid)
        table[rewriting.CALL + name] = called
        table[name] = called if name in WITHOUT_INPUT else paid
    return table


# Looking at tags and entities is slower than at characters.
_BUILT_IN_EXTRA = {"striptags": 200, "format": 20, "int": 20, "float": 20}
_FILTERS: dict[str, Callable[..., Any]] = {
    **{name: _paid(function, _BUILT_IN_EXTRA.get(name, 0)) for name, function in BUILT_IN.items()},
    **_product(),
    rewriting.CONCATENATE: _with_allowance(operations.concatenate),
    rewriting.COMPARE: _with_allowance(operations.compare),
    rewriting.EACH: _with_allowance(operations.each),
    rewriting.PART: _with_allowance(operations.part),
    rewriting.HOLD: _paid(lambda value: value),
}
_TESTS: dict[str, Callable[..., Any]] = {name: _paid(function) for name, function in CONDITIONS.items()}

HTML = Sandbox(autoescape=True)
TEXT = Sandbox(autoescape=False)
