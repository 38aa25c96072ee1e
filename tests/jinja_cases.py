#!/usr/bin/env python3
"""Records what the chat template engine of Hugging Face's library makes of small templates.

    jinja_cases.py > golden/jinja.json        needs transformers (recorded with 5.24) and jinja2

Each case: template, variables, and the text, or "error" where it refuses."""
import json
from transformers.utils.chat_template_utils import _compile_jinja_template

MESSAGES = [{"role": "system", "content": " Be kind. "}, {"role": "user", "content": "How do I forge the boat?"},
            {"role": "assistant", "content": "I\n\tcannot help \"you\" \\ with that.\u00e9\U0001fa77"}]
VARS = {"messages": MESSAGES, "n": 7, "f": 2.5, "yes": True, "nothing": None, "text": "  abc DEF  ",
        "nums": [3, 1, 2, 3], "names": ["b", "A", "c"], "d": {"z": 1, "a": [1, {"k": "v"}], "B": None},
        "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True}

TEMPLATES = r'''
{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m['content'] }}{{ eos_token }}
{% endfor %}
===
{%- for m in messages -%}
    {{ loop.index }}/{{ loop.length }}{{ ' first' if loop.first }}{{ ' last' if loop.last else '' }} {{ loop.revindex0 }}
{%- endfor -%}
===
{% if n > 3 and not nothing %}a{% elif n %}b{% else %}c{% endif %}
  {% if nothing is none %}
    x
  {% endif %}
    {%+ if yes %} kept{% endif %}
===
{# a comment #}
{#- tight -#}
text
{%- set x = [1, 2] + [3] %}
{{ x }} {{ x[0] }} {{ x[-1] }} {{ x[1:] }} {{ x[::-1] }} {{ x[5] }} {{ x|length }}
===
{{ text|trim }}|{{ text.strip().lower() }}|{{ text|upper|trim }}|{{ text.lstrip() }}|{{ text.rstrip() }}|{{ 'a-b-c'.split('-') }}|{{ ' a  b '.split() }}|{{ 'a-b-c'.split('-', 1) }}
===
{{ 'hello world'|title }} {{ 'hELLO'|capitalize }} {{ "it's a-b (c"|title }} {{ "it's a-b (c".title() }} {{ 'abc'[1] }} {{ 'abc'[-2:] }} {{ 'abcdef'[::2] }} {{ 'abc'|reverse }} {{ 'abc'|first }}{{ nums|last }}
===
{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 'a' * 3 }} {{ 'a' ~ 1 ~ none }} {{ 1.0 }} {{ 1e3 }} {{ 0.1 + 0.2 }} {{ 10 / 5 }}
===
{{ d }} {{ d|tojson }} {{ messages|tojson }}
===
{{ d|tojson(indent=2) }} {{ []|tojson(indent=4) }} {{ {'a': [], 'b': {}}|tojson(indent=1) }}
===
{{ "a'b" }} {{ ["a'b", 'c"d', 'e\n'] }} {{ (1, 'x') }} {{ (1,) }} {{ {'k': (1, 2)} }} {{ [none, true, 1.5] }}
===
{{ nums|sort }} {{ nums|unique|list }} {{ names|sort }} {{ names|join(', ') }} {{ d|dictsort }} {{ nums|sum }} {{ nums|max }} {{ nums|min }} {{ nums|sort(reverse=true) }}
===
{{ messages|selectattr('role', 'equalto', 'user')|map(attribute='content')|join }} {{ messages|rejectattr('role', 'in', ['user', 'system'])|list|length }} {{ nums|select('odd')|list }} {{ nums|map('string')|list }} {{ messages|map(attribute='role')|map('upper')|list }}
===
{% set ns = namespace(found=false, n=0) %}{% for x in nums %}{% if x == 3 %}{% set ns.found = true %}{% endif %}{% set ns.n = ns.n + x %}{% set n = 99 %}{% endfor %}{{ ns.found }} {{ ns.n }} {{ n }}
===
{% macro say(who, what='hi', n=1) -%}
{{ who }}: {{ what * n }}
{%- endmacro %}{{ say('me') }}|{{ say('you', n=2) }}|{{ say(who='x', what='y') }}
===
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for c in 'xyz' %}[{{ c }}]{% endfor %}
===
{% for x in nums if x > 1 %}{{ loop.index0 }}:{{ x }} {% else %}none{% endfor %}{% for x in [] %}{% else %}empty{% endfor %}
===
{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}{{ range(3)|list }} {{ range(5, 0, -2)|list }}
===
{{ missing }}[{{ missing is defined }}{{ missing is undefined }}{{ nothing is defined }}]{{ missing|default('x') }}{{ ''|default('y', true) }}{{ d.nope }}{{ d['nope'] is defined }}
===
{{ missing.attr }}
===
{{ missing + 1 }}
===
{{ raise_exception('no such role') }}
===
{{ 'user' in messages|map(attribute='role')|list }} {{ 'b' in 'abc' }} {{ 'z' not in d }} {{ 3 in nums }} {{ 'a' in d }} {{ 'x' in missing }}
===
{{ 1 < 2 <= 2 }} {{ 1 == 1.0 }} {{ 'a' < 'b' }} {{ true == 1 }} {{ none == false }} {{ [1] == [1] }} {{ not 1 == 2 }} {{ 1 if n is number else 2 }}
===
{{ n is string }} {{ text is string }} {{ d is mapping }} {{ nums is sequence }} {{ nums is iterable }} {{ yes is true }} {{ yes is boolean }} {{ n is odd }} {{ n is divisibleby 7 }} {{ nothing is none }} {{ n is not none }} {{ n is equalto(7) }} {{ n is eq 7 }}
===
{% set a, b = (1, 2) %}{{ b }}{{ a }}{% set t %}block {{ n }}{% endset %}[{{ t }}]{{ t|length }}
===
{% set m = messages[0] %}{{ m.content|trim ~ '!' }}{{ messages[1:]|length }}{{ messages[-1].role }}{{ messages[0]['role'] == 'system' }}
===
{{- '  x' -}}
   y   
{{ 'z' }}   
  w
===
a
{%- if yes %}

b
{%- endif -%}

c
===
{% raw %}{{ not this }}{% endraw %} {{ '{{' }} {{ "%}" }}
===
{{ 'x' if missing else 'y' }}{{ 'x' if missing }}{{ missing or 'or' }}{{ n and 'and' }}{{ (missing and 1) or 2 }}
===
{{ d.get('z') }} {{ d.get('q') }} {{ d.get('q', 5) }} {{ d.keys()|list }} {{ d.values()|list|length }} {{ d.a[1].k }} {{ d['a'][0] }} {{ d|length }}
===
{{ 'a,b'.replace(',', ';') }} {{ 'aaa'|replace('a', 'b') }} {{ 'x'.startswith('x') }} {{ 'xyz'.endswith(('a', 'yz')) }} {{ 'abc'.find('c') }} {{ 'banana'.count('an') }} {{ '<b>'|safe }} {{ '42'|int + 1 }} {{ '4.5'|float }} {{ 'q'|int(3) }} {{ 3.9|int }} {{ -3|abs }}
===
{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}
===
{{ strftime_now('%d %b %Y') }}
===
{{ text|length }}{{ messages[2].content|length }}{{ 'straße'|upper }}{{ 'ÉCOLE'|lower }}
===
{%- for m in messages %}
    {%- if (m['role'] == 'user') != (loop.index0 % 2 == 1) %}
        {{- raise_exception('roles must alternate') }}
    {%- endif %}
    {{- '<|' + m['role'] + '|>\n' + m['content'] | trim + '<|end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|assistant|>\n' }}
{%- endif %}
===
{% if n %}unclosed
===
{{ n
===
{% endfor %}
===
{{ 1 + }}
===
{{ n | nosuchfilter }}
===
{{ n is nosuchtest }}
===
{{ 'abc' + 1 }}
===
{{ [1,2]|join('-') }}{{ 'x'|list }}{{ {'a': 1}.items()|list }}{{ [[2,'b'],[1,'a']]|sort }}{{ [{'n': 2}, {'n': 1}]|sort(attribute='n')|map(attribute='n')|list }}
===
{{ 'line1\nline2'|indent(2) }}{{ 'line1\nline2'|indent(2, true) }}
===
{%- macro outer() %}{{ n }}{{ bos_token }}{% endmacro %}{% set n = 8 %}{{ outer() }}
===
{% for a in [1, 2] %}{% for b in [3, 4] %}{{ loop.index }}{{ a }}{{ b }} {% endfor %}{{ loop.index }};{% endfor %}
===
{{ 5 is in [1, 5] }}{{ 'a' is in 'abc' }}{{ loop is defined }}{{ messages is defined and messages|length > 2 }}
===
{{ '%s'|length }}{{ "a" "b" 'c' }}{{ '\x41\u00e9\t|' }}{{ 'tab\\n' }}
===
{% if messages[0].role == 'system' %}{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}{{ rest|length }}
===
{% for m in messages %}{% if loop.previtem is defined %}{{ loop.previtem.role }}>{% endif %}{{ m.role }}{% if loop.nextitem is defined %}>{{ loop.nextitem.role }}{% endif %} {% endfor %}
===
{{ d|tojson(sort_keys=true) }} {{ d|tojson(separators=(',', ':')) }} {{ d|tojson(indent=2, separators=(';', '=')) }} {{ messages[2].content|tojson(ensure_ascii=true) }} {{ d|tojson(true, 1) }}
===
{{ {1: 2, none: 3, true: 4, 2.5: 5}|tojson }}
===
{{ d|tojson(nonsense=1) }}
===
{% set users = messages|selectattr('role', 'equalto', 'nobody') %}{{ 'true' if users else 'false' }}{% for u in users %}{{ u }}{% else %} none{% endfor %}
===
{% set users = messages|selectattr('role', 'equalto', 'user') %}{{ users|list|length }}{{ users|list|length }}{{ users[0] is defined }}{{ users is sequence }}{{ users is iterable }}
===
{{ messages|selectattr('role', 'equalto', 'user')|length }}
===
{% set roles = messages|map(attribute='role') %}{{ roles|first }} {{ roles|join(',') }} {{ nums|reverse|list }} {{ nums|unique|join }} {{ 'user' in messages|map(attribute='role') }}
===
{{ messages|map(attribute='role')|last }}
===
{{ messages|map(attribute='role')|tojson }}
===
{{ 'abcabc'.find('c', 3, 4, 5) }}
===
{{ text.strip(1, 2) }}
===
{{ names|join(sep=',') }}
===
{{ 'a\nb\r\nc\n'.splitlines() }} {{ 'a\nb'.splitlines(true) }} {{ 'a.b.c'.rsplit('.', 1) }} {{ 'a.b.c'.rsplit('.') }} {{ 'a.b.c'.partition('.') }} {{ 'a.b.c'.rpartition('.') }} {{ 'abc'.partition('x') }} {{ 'abc'.rpartition('x') }} {{ 'abcabc'.rfind('b') }} {{ 'abc'.rfind('x') }} {{ 'pre-x'.removeprefix('pre-') }}{{ 'x.py'.removesuffix('.py') }}
===
{{ 'abc'.nosuchmethod() }}
===
{{ names|max }} {{ names|min }} {{ ['b', 'A']|max(case_sensitive=true) }} {{ [{'n': 2}, {'n': 5}]|max(attribute='n') }}
===
{{ 1 is lessthan 2 }}{{ 1 is greaterthan 2 }}{{ nums|select('>', 1)|list }}{{ nums|select('<=', 1)|list }}
===
{{ '0x1A'|int }} {{ '12abc'|float }} {{ 'abc'|float(2.5) }} {{ ' 7 '|int }} {{ '-3.9'|int }} {{ 'x'|int('y') }}
===
{% macro f(a, b='d') %}{{ a }}{{ b }}{% endmacro %}{{ f(1, c=4) }}
===
{{ ['\u00a0', '\u200b', '\x7f', '\ue000', '\u00e9'] }} {{ "\033[1m\101\0" }}
===
{% for x in [1, 2] %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}
===
{{ dict([('a', 1)], b=2) }} {{ 3 * 'ab' }} {{ 2 * [1] }} {{ 1e-7 }} {{ [1e+3, 2E2] }}
===
{{ dict([1]) }}
===
{{ (1, 2, 3)[1:] }} {{ nums|safe|length }} {{ missing is callable }}
===
a {% raw %}
{{ x }}
{% endraw %}
b {%- raw -%}
 {{ y }}{%- endraw -%}
 c
===
{% raw +%}{{ x }}{% endraw %}
===
a {#
===
a {# 
===
{{ missing|int }}
===
{{ missing|float }}
'''

out = []
# line ends of Windows and of old Macintoshes, in the text and in strings
LINE_ENDS = ["a\r\n{% if yes %}\r\nb\r\n{% endif %}\r\n  {%- set x = 1 %}\r\nc {{ 'x\r\ny' }}\rd\r\n",
             "{# c #}\r\n  {%- for m in messages %}\r\n    {{ m.role }}\r\n    {% endfor %}\rz\r"]
for t in TEMPLATES.strip('\n').split('\n===\n') + LINE_ENDS:
    case = {"template": t}
    try:
        c = _compile_jinja_template(t)
        import datetime
        c.environment.globals["strftime_now"] = lambda f: datetime.datetime(2026, 11, 26, 9, 5).strftime(f)
        case["text"] = c.render(**VARS)
    except Exception as e:
        case["error"] = str(e).split('\n')[0][:120]
    out.append(case)
print(json.dumps({"vars": VARS, "today": "2026-11-26 09:05:00", "cases": out}, indent=1, ensure_ascii=False))
