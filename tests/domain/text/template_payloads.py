"""Hostile templates by class, and a program that runs one class in a process of its own and reports what it cost.

    python template_payloads.py CLASS KIND

No limit of the process protects the run: the language alone has to hold the bars.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

LOOP = "{% for i in 1000|range %}"
END = "{% endfor %}"
VARIABLES = ("alias", "aliases", "subject", "description", "pin", "name")


def filled(part: str, before: str = "", after: str = "") -> str:
    """Return a source as long as the field allows, made of one part again and again."""
    return before + part * ((12_288 - len(before) - len(after)) // len(part)) + after


ATTRIBUTES = [
    "{{ alias.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ alias['__class__'] }}",
    "{{ alias['__cla' ~ 'ss__'] }}",
    "{{ alias['upper'] }}",
    "{{ aliases['append'] }}",
    "{{ aliases['__len__'] }}",
    "{{ alias|attr('__class__') }}",
    "{{ aliases|map(attribute='__class__')|list }}",
    "{{ aliases|sort(attribute='__class__') }}",
    "{{ aliases|join(attribute='__class__') }}",
    "{{ ()['__class__'] }}",
    "{{ {}['__class__'] }}",
    "{{ 1['real'] }}",
    "{{ pex_now().__class__ }}",
    "{{ pex_now()['year'] }}",
    "{{ pex_now().tzinfo }}",
    "{{ pex_now().printed }}",
    "{% set n = pex_now() %}{{ n.__init__ }}",
    "{% set n = pex_now() %}{{ n['__init__'] }}",
    "{% for a in aliases %}{{ loop.__class__ }}{% endfor %}",
    "{% for a in aliases %}{{ loop['_iterable'] }}{% endfor %}",
    "{% for a in aliases %}{% set l = loop %}{{ l._iterator }}{% endfor %}",
    "{% for a in aliases %}{{ loop.cycle }}{% endfor %}",
    "{{ missing.__globals__ }}",
    "{{ aliases[99].__class__ }}",
    "{{ aliases[99]['__class__'] }}",
]
CALLS = [
    "{{ alias.upper() }}",
    "{{ alias.format(pin) }}",
    "{{ '{0.__class__}'.format(alias) }}",
    "{{ '{0.__class__}'|format(alias) }}",
    "{{ '%(x)s'.format_map(alias) }}",
    "{% set f = '{0.__class__}'.format %}{{ f(alias) }}",
    "{{ aliases.append(1) }}",
    "{{ aliases.__add__([1]) }}",
    "{{ range(5) }}",
    "{{ dict(a=1) }}",
    "{{ lipsum() }}",
    "{{ cycler('a').next() }}",
    "{{ joiner() }}",
    "{{ namespace(a=1) }}",
    "{{ self.__init__() }}",
    "{{ self._TemplateReference__context }}",
    "{{ super() }}",
    "{{ caller() }}",
    "{{ pex_now }}",
    "{{ pex_now()() }}",
    "{{ (pex_now, pex_uuid4)[0]() }}",
    "{{ [pex_now][0]() }}",
    "{{ (pex_uuid4 or pex_now)() }}",
    "{{ alias() }}",
    "{{ 'x'() }}",
    "{{ pex_update(*aliases) }}",
    "{{ pex_update(**{'a': 1}) }}",
    "{{ alias|replace(*aliases) }}",
    "{{ pex_debug_log(allowance=1) }}",
    "{{ config }}",
    "{{ request.environ }}",
    "{{ url_for.__globals__ }}",
    "{{ get_flashed_messages() }}",
    "{{ g }}",
    "{{ __builtins__ }}",
]
STATEMENTS = [
    "{% include 'settings.py' %}",
    "{% include '/etc/passwd' ignore missing %}",
    "{% import 'os' as os %}",
    "{% from 'os' import system %}",
    "{% extends 'base.html' %}",
    "{% block a %}x{% endblock %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% call alias() %}x{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% autoescape false %}{{ subject }}{% endautoescape %}",
    "{% with a = 1 %}{{ a }}{% endwith %}",
    "{% set x %}<b>{{ subject }}</b>{% endset %}{{ x }}",
    "{% set ns.x = 1 %}",
    "{% set a, b = aliases %}",
    "{% set pex_now = 1 %}",
    "{% set loop = 1 %}",
    "{% set _x = 1 %}",
    "{% for a in aliases recursive %}{{ loop(aliases) }}{% endfor %}",
    "{% for loop in aliases %}{% endfor %}",
    "{% for a in aliases %}{% break %}{% endfor %}",
    "{% do aliases.append(1) %}",
    "{% trans %}x{% endtrans %}",
    "{% debug %}",
    "{% raw %}{% endraw %}{{ debug }}",
    "{{ subject|safe }}",
    "{{ '<script>'|safe }}",
    "{{ subject|escape|safe }}",
    "{{ subject|e }}",
    "{{ subject|tojson }}",
    "{{ subject|pprint }}",
    "{{ subject|urlize }}",
    "{{ subject|xmlattr }}",
    "{{ subject|center(500000000) }}",
    "{{ subject|indent(500000000) }}",
    "{{ aliases|batch(1, 'x'*10)|list }}",
    "{{ subject|wordwrap(1, wrapstring='x') }}",
    "{{ subject|~join }}",
    "{{ 1|filesizeformat }}",
    "{{ aliases|groupby('x') }}",
]
GROWTH = [
    "{{ 'A' * 1000000000 }}",
    "{{ 1000000000 * 'A' }}",
    "{{ [1] * 1000000000 }}",
    "{{ (1, 2) * 100000000 }}",
    "{{ 9 ** 9 ** 9 ** 9 }}",
    "{{ 2 ** 100000 }}",
    "{{ -2 ** 100000 }}",
    "{{ 2 ** -100000 }}",
    "{{ (10 ** 18) * (10 ** 18) * (10 ** 18) }}",
    "{{ " + "9" * 12_000 + " }}",
    "{{ ('9' * 60000)|int }}",
    "{{ 1e999 }}",
    "{{ 1.5 ** 99999 }}",
    "{{ '%999999999d' % 1 }}",
    "{{ '%.999999999f'|format(1.0) }}",
    "{{ '%*d'|format(999999999, 1) }}",
    "{{ ('%99d' * 5000)|format(1) }}",
    "{{ ('%99d ' * 5000) % 1 }}",
    "{{ ('a' * 60000)|replace('', 'b' * 60000) }}",
    "{{ ('a' * 60000)|replace('a', 'b' * 60000) }}",
    "{{ 1000|range|join('a' * 60000) }}",
    "{{ 999999999|range }}",
    "{{ 0|range(999999999999, 1) }}",
    "{{ 1|round(-999999999) }}",
    "{{ subject|truncate(999999999, end='x' * 65000) }}",
    "{{ ('\u0390' * 65000)|upper }}",
    "{{ ('\U0001f600' * 65000)|pex_url_encode }}",
    "{{ ('a' * 65000)|pex_base64 }}",
    "{{ [('\\x00' * 60000)] }}",
    "{% set a = 'aaaaaaaaaaaaaaaa' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "{% set a = 'aaaaaaaaaaaaaaaa' %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 40 + "{{ a }}",
    "{% set a = {1: 1} %}" + "{% set a = {1: a, 2: a} %}" * 40 + "{{ a|pex_to_json }}",
    "{% set a = 'a' * 65000 %}" + "".join(f"{{% set b{n} = a ~ '' %}}" for n in range(500)),
    "{% set a = [1] * 16000 %}" + "".join(f"{{% set b{n} = a + [] %}}" for n in range(400)),
    "{% set a = '\U0001f600' * 65000 %}" + LOOP + "{{ a }}" + END,
    LOOP + "x" * 11_000 + END,
    LOOP + "\U0001f600" * 3_000 + END,
    LOOP + "{{ description * 200 }}" + END,
]
LOOPS = [
    LOOP + LOOP.replace("i", "j", 1) + "{{ 1 }}" + END + END,
    LOOP + LOOP + LOOP + "x" + END + END + END,
    filled(LOOP + END),
    filled(LOOP + "{% for j in 30|range %}{% endfor %}" + END),
    filled("{% for a in description * 4 %}{{ a }}{% endfor %}"),
    LOOP + filled("{{ aliases[0][0][0][0] }}", after=" " * 200) + END,
    LOOP + "{% if " + "not " * 50 + "1 %}x{% endif %}" * 1 + END,
    LOOP + "{% set a = 'a' * 65000 %}{{ a == 'b' ~ a }}" + END,
    "{% set a = 'a' * 65000 %}{% set b = 'a' * 30000 ~ 'b' %}" + LOOP + "{{ b in a }}" + END,
    LOOP + "{{ ('b' * 60000)|trim('ab' * 40) }}" + END,
    LOOP + "{{ ('<' * 60000)|striptags }}" + END,
    LOOP + "{{ ('&amp;' * 12000)|striptags }}" + END,
    LOOP + "{{ ('b' * 60000)[::-1]|length }}" + END,
    LOOP + "{{ ('%41' * 20000)|pex_url_decode|length }}" + END,
    LOOP + "{{ aliases|pex_to_json|pex_md5 }}" + END,
    LOOP + "{{ pex_in_subnet('10.0.0.1', ['11.0.0.0/8'] * 500) }}" + END,
    LOOP + "{{ pex_now('America/New_York') }}{{ pex_uuid4() }}{{ pex_random_pin(64) }}" + END,
    LOOP + "{{ pex_debug_log('x' * 60000) }}" + END,
    LOOP + "{{ ('https://a.safelinks.protection.outlook.com/?url=' ~ '&a=' * 600)|pex_safelinks_decode }}" + END,
    LOOP + "{{ ('https://urldefense.com/v3/__a__;' ~ '__;' * 600)|pex_urldefense_decode }}" + END,
    LOOP + "{% for k in {1: 2, 3: 4} %}{% for l in k %}{% endfor %}{% endfor %}" + END,
]
EXPRESSIONS = [
    LOOP + "{{ pex_regex_search('(x+x+)+y', 'x' * 8000) }}" + END,
    LOOP + "{{ pex_regex_search('(a|aa)+$', 'a' * 8000 ~ 'b') }}" + END,
    LOOP + "{{ pex_regex_search('(.*a.*b.*c.*){20}' ~ i, 'abcd' * 2000) }}" + END,
    LOOP + "{{ pex_regex_search('[a-z]{900}' ~ i, 'x' * 8000) }}" + END,
    LOOP + "{{ pex_regex_search('(?i)(abc|abd|xyz){150}' ~ i, 'x') }}" + END,
    LOOP + "{{ ('ab' * 4000)|pex_regex_replace('a.*c|a', 'b' * 500) }}" + END,
    LOOP + "{{ ('a' * 8000)|pex_regex_replace('', 'b' * 500) }}" + END,
    LOOP + "{{ pex_find_first_match(aliases, '(x?){300}y') }}" + END,
    "{{ pex_regex_search('((a{100}){100}){100}', 'a') }}",
    "{{ pex_regex_search('(?=a)a', 'a') }}",
    "{{ pex_regex_search('(a)\\\\1', 'aa') }}",
    "{{ pex_regex_search('[\\\\pL\\\\pN]{1000}', 'a') }}",
    "{{ pex_regex_search('a' * 5000, 'a') }}",
    "{{ 'a'|pex_regex_replace('(a)', '\\\\g<99>') }}",
]
SOURCES = [
    "{{" + "(" * 4000 + "1" + ")" * 4000 + "}}",
    "{{" + "[" * 4000 + "1" + "]" * 4000 + "}}",
    "{{" + "{1:" * 2000 + "1" + "}" * 2000 + "}}",
    "{{" + "not " * 2900 + "1}}",
    "{{" + "-" * 12_000 + "1}}",
    "{{" + "1+" * 6000 + "1}}",
    "{{" + "1 if 1 else " * 900 + "1}}",
    "{{ alias" + "[0]" * 4000 + "}}",
    "{{ alias" + "|upper" * 2000 + "}}",
    "{{ 'a'" + "~'a'" * 3000 + "}}",
    "{% if 1 %}" * 600 + "{% endif %}" * 600,
    "{% if 0 %}" + "{% elif 0 %}" * 1000 + "{% endif %}",
    filled("{{1}}"),
    filled("x{{1}}"),
    filled("{%if 1%}{%endif%}"),
    filled("{%set a=1%}"),
    "{" * 12_288,
    "{%" * 6144,
    "{#" * 6144,
    "{%-" * 4096,
    "{%raw%}" * 1700,
    "{{" + " " * 12_280 + "}}",
    "{{ '" + "\\" * 12_000 + "' }}",
    "{{ '\\ud800' }}",
    "\ud800{{ alias }}",
    "\x00{{ alias }}",
    filled("<a {%if 1%}b{%else%}c{%endif%}>"),
    filled("{%if 1%}b{%else%}c{%endif%}", before="<"),
    "x" * 12_289,
]
HTML = [
    "<div>" * 2400,
    LOOP + "<div>" * 20 + END,
    "<p>" + LOOP + '<b title="{{ i }}">' + END + LOOP + "<p>x" + END,
    "<p>" + "".join(f"<b title={n}>" for n in range(500)) + "<p>x" * 900,
    "<p>" + "".join(f"<b title={n}><table><td></b></table>" for n in range(250)) + "<p>x" * 400,
    LOOP + "<div><table><td></div></td></table>" * 8 + END,
    LOOP + "<dl><object></dl></object>" * 9 + END,
    LOOP + "&" * 250 + END,
    LOOP + "<" * 250 + END,
    "<div " + LOOP + "a " * 120 + END + ">",
    LOOP + "<table><tr><td>" * 15 + END,
    LOOP + "<ul><li>" * 30 + END,
    LOOP + "<!--" * 60 + END,
    LOOP + "<svg><desc>" * 20 + END,
    LOOP + "<a><b><p></b></a>" * 12 + END,
]
CLASSES = {
    "attributes": ATTRIBUTES,
    "calls": CALLS,
    "statements": STATEMENTS,
    "growth": GROWTH,
    "loops": LOOPS,
    "expressions": EXPRESSIONS,
    "sources": SOURCES,
    "html": HTML,
}


def largest() -> dict[str, object]:
    """Return values longer than any variable may hold."""
    return {
        "alias": "a" * 5_000,
        "aliases": ["b" * 5_000] * 5_000,
        "subject": "&<>'\"" * 1_000,
        "description": "\U0001f600" * 5_000,
        "pin": "1" * 5_000,
        "name": "<b title=x>" * 1_000,
    }


def run(source: str, kind: str) -> dict[str, object]:
    """Compile and render one payload; return what happened, how much processor time it took and what came out."""
    from addin_host.domain.text import RenderProblem, TemplateProblem, compile_template

    began = time.process_time()
    text = ""
    try:
        text = compile_template(source, kind=kind, variables=VARIABLES).render(largest())
        outcome = "rendered"
    except TemplateProblem as problem:
        outcome = f"refused: {problem.message}"
    except RenderProblem as problem:
        outcome = f"stopped: {problem.message}"
    seconds = time.process_time() - began
    return {"outcome": outcome, "seconds": seconds, "bytes": len(text.encode()), "text": text[:2000]}


def main() -> None:
    """Run a class and print one JSON document."""
    name, kind = sys.argv[1:]
    results = [run(source, kind) for source in CLASSES[name]]
    # Not ru_maxrss: a child begins with the peak of the process that started it.
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
    sys.stdout.write(json.dumps({"results": results, "peak_mb": peak}))


if __name__ == "__main__":
    main()
