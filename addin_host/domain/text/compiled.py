"""Templates, checked and compiled once, rendered often."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from types import TracebackType

from jinja2 import Template as JinjaTemplate
from jinja2 import TemplateError, TemplateSyntaxError, nodes

from addin_host.domain.text.environment import HTML, TEXT, Sandbox
from addin_host.domain.text.grammar import Grammar
from addin_host.domain.text.limits import MAX_OUTPUT, MAX_SOURCE
from addin_host.domain.text.markup import cleaned
from addin_host.domain.text.plain import one_line
from addin_host.domain.text.problems import RenderProblem, TemplateProblem
from addin_host.domain.text.product import NOT_DETERMINISTIC
from addin_host.domain.text.quoting import check_quoting
from addin_host.domain.text.rewriting import rewrite
from addin_host.domain.text.variables import prepared

HTML_KIND = "html_template"
TEXT_KIND = "text_template"
_CACHED = 256
_LINE_END = re.compile(r"\r\n|\r|\n")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0e-\x1f\ud800-\udfff]")
# What template code can raise once the grammar has let it through; the caps raise RenderProblem themselves.
_RUN_TIME = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RuntimeError,
    MemoryError,
)


class Template:
    """One accepted template. Safe to share between threads.

    `deterministic` is False when the same values may render differently (the time, a random number) or when
    rendering has an effect (the log): callers cache results only when it is True. `only_prints` is True when it
    prints variables as they are and does nothing else with them.
    """

    def __init__(
        self, jinja: JinjaTemplate, grammar: Grammar, finish: Callable[[str], str], *, only_prints: bool
    ) -> None:
        self._jinja = jinja
        self.only_prints = only_prints
        self._names = tuple(grammar.names)
        self._finish = finish
        self.deterministic = not grammar.functions & NOT_DETERMINISTIC

    def render(self, values: Mapping[str, object]) -> str:
        """Return the text: sanitised HTML, or one line of plain text. Raises RenderProblem.

        Values that are missing or None print nothing; longer ones are cut to what the variable may hold.
        """
        context = self._jinja.new_context(prepared(values, self._names))
        try:
            return self._finish(_joined(self._jinja.root_render_func(context)))
        except RenderProblem as problem:
            problem.line = problem.line or self._line(problem.__traceback__)
            raise
        except _RUN_TIME as error:
            raise RenderProblem(_in_words(error), self._line(error.__traceback__)) from error

    def _line(self, traceback: TracebackType | None) -> int | None:
        """Return the line of the template that the innermost of its frames was at."""
        line = None
        while traceback is not None:
            if traceback.tb_frame.f_globals.get("__jinja_template__") is self._jinja:
                line = self._jinja.get_corresponding_lineno(traceback.tb_lineno)
            traceback = traceback.tb_next
        return line


def _joined(pieces: Iterable[str]) -> str:
    """Return the pieces as one text, stopping at the cap: an endless template is never run to its end."""
    taken: list[str] = []
    size = 0
    for piece in pieces:
        size += len(piece) if piece.isascii() else len(piece.encode())
        if size > MAX_OUTPUT:
            raise RenderProblem("the text becomes longer than 256 KB")
        taken.append(piece)
    return "".join(taken)


def _in_words(error: BaseException) -> str:
    return f"this cannot be worked out: {one_line(str(error))[:200] or type(error).__name__}"


def _finished_html(text: str) -> str:
    return cleaned(text).strip()


def compile_template(source: str, *, kind: str, variables: Collection[str]) -> Template:
    """Return the template ready to render. Raises TemplateProblem (a message for administrators, with the line).

    `kind` is html_template or text_template; `variables` are the names that it may use. Results are kept, so
    calling this again with the same arguments costs next to nothing.
    """
    return _compiled(source, kind, frozenset(variables))


@functools.lru_cache(maxsize=_CACHED)
def _compiled(source: str, kind: str, variables: frozenset[str]) -> Template:
    sandbox, finish = {HTML_KIND: (HTML, _finished_html), TEXT_KIND: (TEXT, one_line)}[kind]
    tree = _parsed(source, sandbox)
    try:
        grammar = Grammar(tree, variables)
    except TemplateProblem as problem:
        problem.column = _column(source, problem)
        raise
    except RecursionError as error:
        raise TemplateProblem("the template is nested too deep; make it simpler") from error
    if kind == HTML_KIND:
        check_quoting(tree)
    only_prints = _only_prints(tree)  # before it is rewritten
    return Template(_built(tree, sandbox), grammar, finish, only_prints=only_prints)


def _only_prints(tree: nodes.Template) -> bool:
    parts = [part for node in tree.body for part in (node.nodes if isinstance(node, nodes.Output) else [node])]
    return all(isinstance(part, (nodes.TemplateData, nodes.Name)) for part in parts)


def _parsed(source: str, sandbox: Sandbox) -> nodes.Template:
    if len(source) > MAX_SOURCE:
        raise TemplateProblem(f"the template has {len(source)} characters; {MAX_SOURCE} are possible")
    if found := _UNPRINTABLE.search(source):
        line = source.count("\n", 0, found.start()) + 1
        raise TemplateProblem("the template holds a character that cannot be printed; delete it", line)
    try:
        return sandbox.parse(source)
    except TemplateSyntaxError as error:
        column = column_near(source, error.lineno, one_line(error.message or ""))
        raise TemplateProblem(_syntax_in_words(error), error.lineno, column) from error
    except (RecursionError, MemoryError) as error:
        raise TemplateProblem("the template is nested too deep; make it simpler") from error
    except (ValueError, OverflowError) as error:
        raise TemplateProblem(f"a number or text cannot be read: {error}") from error


def _built(tree: nodes.Template, sandbox: Sandbox) -> JinjaTemplate:
    rewritten = rewrite(tree)
    rewritten.set_environment(sandbox)
    try:
        return JinjaTemplate.from_code(sandbox, sandbox.compile(rewritten), {}, None)
    except TemplateError as error:
        raise TemplateProblem(one_line(str(error)), getattr(error, "lineno", 1)) from error
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise TemplateProblem("the template is nested too deep; make it simpler") from error


def _syntax_in_words(error: TemplateSyntaxError) -> str:
    said = one_line(error.message or "")
    if unknown := re.match(r"Encountered unknown tag '(\w{1,40})'", said):
        return f"{{% {unknown[1]} %}} is not part of the template language; there are if, for and set"
    return f"this cannot be read: {said}"


def _column(source: str, problem: TemplateProblem) -> int | None:
    """Return where in its line the word at fault stands, counted from 1."""
    lines = _LINE_END.split(source)
    if problem.word is None or problem.line > len(lines):
        return None
    found = re.search(rf"\b{re.escape(problem.word)}\b", lines[problem.line - 1])
    return found.start() + 1 if found else None


def column_near(source: str, line: int, message: str) -> int | None:
    """Return the column, from 1, that a message about a line most likely means: what it quotes, else the construct."""
    lines = _LINE_END.split(source)
    if not 1 <= line <= len(lines):
        return None
    text = lines[line - 1]
    quoted = [word for word in re.findall(r"'([^'\s]{1,40})'", message) if word in text]
    places = [text.rfind(quoted[-1])] if quoted else [at for mark in ("{{", "{%") if (at := text.find(mark)) >= 0]
    return min(places) + 1 if places else None
