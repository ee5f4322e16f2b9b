#!/usr/bin/env python3
"""Compares rendered chat templates with `transformers`, text by text.

The templates are the default model's own and ours in the manner of the families
whose checkpoints QED loads: the constructs those use, in texts of our own. Each
is rendered with every conversation, with and without tools, generation prompt
and extra variables. Where `transformers` refuses, QED has to.

usage: chat_template_parity.py --render build/tests/parity/render_chat --model MODEL.gguf
"""

import argparse
import itertools
import json
import subprocess
import sys

import gguf
from transformers.utils.chat_template_utils import render_jinja_template

# Instruction brackets around system and user text, alternation enforced.
INST = """\
{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set system = messages[0]\
['content'] %}{% else %}{% set rest = messages %}{% set system = false %}{% endif %}
{% for message in rest %}
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('Roles must take turns: user, assistant, user, ...') }}
{% endif %}
{% if loop.index0 == 0 and system != false %}
{% set content = '<<SYSTEM>>\\n' + system + '\\n<</SYSTEM>>\\n\\n' + message['content'] %}
{% else %}
{% set content = message['content'] %}
{% endif %}
{% if message['role'] == 'user' %}
{{ bos_token + '[INST] ' + content | trim + ' [/INST]' }}
{% elif message['role'] == 'assistant' %}
{{ ' ' + content | trim + ' ' + eos_token }}
{% endif %}
{% endfor %}"""

# Header tokens, dates, tools as indented JSON in the system or the user turn.
HEADERS = """\
{{- bos_token }}
{%- if custom_tools is defined %}{% set tools = custom_tools %}{% endif %}
{%- if not tools_in_user_message is defined %}{% set tools_in_user_message = true %}{% endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "01 Jan 2025" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}{% set tools = none %}{% endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start|>system<|end|>\\n\\n" }}
{%- if tools is not none %}{{ "Environment: python\\n" }}{% endif %}
{{- "Today: " + date_string + "\\n\\n" }}
{%- if tools is not none and not tools_in_user_message %}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system_message }}{{- "<|eot|>" }}
{%- if tools_in_user_message and not tools is none %}
    {%- if messages | length != 0 %}
        {%- set first = messages[0]['content'] | trim %}
        {%- set messages = messages[1:] %}
    {%- else %}
        {{- raise_exception("No first user message to put the tools in") }}
    {%- endif %}
    {{- '<|start|>user<|end|>\\n\\n' -}}
    {{- "Answer with a call as JSON.\\n\\n" }}
    {%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\\n\\n" }}{%- endfor %}
    {{- first + "<|eot|>" }}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start|>' + message['role'] + '<|end|>\\n\\n' + message['content'] | trim + '<|eot|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if message.tool_calls | length != 1 %}
            {{- raise_exception("One call at a time") }}
        {%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|start|>assistant<|end|>\\n\\n' -}}
        {{- '{"name": "' + call.name + '", "parameters": ' }}
        {{- call.arguments | tojson }}
        {{- "}" }}{{- "<|eot|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start|>ipython<|end|>\\n\\n" }}
        {%- if message.content is mapping or (message.content is iterable and message.content is \
not string) %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start|>assistant<|end|>\\n\\n' }}
{%- endif %}
"""

# Angle-bracket roles, tools in the system turn, reasoning cut out of earlier turns.
REASONING = """\
{%- if tools %}
    {{- '<|s|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools>\\n\\n<call>\\n{\\"name\\": <name>, \\"arguments\\": <object>}\\n</call><|e|>\\n" }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|s|>system\\n' + messages[0].content + '<|e|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not\
(message.content.startswith('<reply>') and message.content.endswith('</reply>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|s|>' + message.role + '\\n' + content + '<|e|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1]\
.lstrip('\\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning) %}
                {{- '<|s|>' + message.role + '\\n<think>\\n' + reasoning.strip('\\n') + \
'\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|s|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|s|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}{{- '\\n' }}{%- endif %}
                {%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
                {{- '<call>\\n{"name": "' }}
                {{- tool_call.name }}
                {{- '", "arguments": ' }}
                {%- if tool_call.arguments is string %}
                    {{- tool_call.arguments }}
                {%- else %}
                    {{- tool_call.arguments | tojson }}
                {%- endif %}
                {{- '}\\n</call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|e|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|s|>user' }}
        {%- endif %}
        {{- '\\n<reply>\\n' }}{{- content }}{{- '\\n</reply>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|e|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|s|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""

# Turn tags, no system role, the assistant called by another name.
TURNS = """\
{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% if messages[0]['content'] is string %}\
{% set prefix = messages[0]['content'] + '\\n\\n' %}{% else %}{% set prefix = messages[0]['content']\
[0]['text'] + '\\n\\n' %}{% endif %}{% set loop_messages = messages[1:] %}{% else %}\
{% set prefix = "" %}{% set loop_messages = messages %}{% endif %}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<turn>' + role + '\\n' + (prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}{{ '<image>' }}
            {%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '</turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<turn>model\\n'}}
{%- endif -%}
"""

# Tool lists before the last user turn, found by filters; calls by id.
LAST_USER = """\
{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
            {{- "[/TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[CALLS] [" }}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function|tojson %}
            {{- out[:-1] }}
            {%- if not tool_call.id is defined or tool_call.id|length != 9 %}
                {{- raise_exception("Ids of calls have 9 characters") }}
            {%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
            {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" + eos_token }}{%- endif %}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- elif message["role"] == "tool" %}
        {%- if message.content is defined and message.content.content is defined %}
            {%- set content = message.content.content %}
        {%- else %}
            {%- set content = message.content %}
        {%- endif %}
        {{- '[RESULT] {"content": ' + content|string + "}[/RESULT]" }}
    {%- else %}
        {{- raise_exception("Unknown role " ~ message.role) }}
    {%- endif %}
{%- endfor %}
{{- "#" ~ ns.index }}
"""

# One flat line with a state machine over calls and their outputs.
STATES = """\
{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}\
{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system='') %}\
{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system = message\
['content'] %}{%- endif %}{%- endfor %}{{bos_token}}{{ns.system}}{%- for message in messages %}\
{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{'<User>' + message['content']}}\
{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is none %}\
{%- set ns.is_tool = false -%}{%- for tool in message['tool_calls']%}{%- if not ns.is_first %}\
{{'<Assistant><calls><call>' + tool['type'] + '<sep>' + tool['function']['name'] + '\\n```json\\n' + \
tool['function']['arguments']|tojson + '\\n```</call>'}}{%- set ns.is_first = true -%}{%- else %}\
{{'\\n<call>' + tool['type'] + '<sep>' + tool['function']['name']}}{%- endif %}{%- endfor %}\
{{'</calls><end>'}}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is not \
none %}{%- if ns.is_tool %}{{'</outputs>' + message['content'] + '<end>'}}{%- set ns.is_tool = false \
-%}{%- else %}{% set content = message['content'] %}{% if '</think>' in content %}{% set content = \
content.split('</think>')[-1] %}{% endif %}{{'<Assistant>' + content + '<end>'}}{%- endif %}\
{%- endif %}{%- if message['role'] == 'tool' %}{%- set ns.is_tool = true -%}\
{%- if ns.is_output_first %}{{'<outputs><output>' + message['content'] + '</output>'}}\
{%- set ns.is_output_first = false %}{%- else %}{{'\\n<output>' + message['content'] + '</output>'}}\
{%- endif %}{%- endif %}{%- endfor -%}{% if ns.is_tool %}{{'</outputs>'}}{% endif %}\
{% if add_generation_prompt and not ns.is_tool %}{{'<Assistant><think>\\n'}}{% endif %}"""

# What the others have not: macros, call blocks, set blocks, loop controls, sorting.
CONSTRUCTS = """\
{%- macro describe(value, depth=0) -%}
  {%- if value is mapping -%}
    {%- for key, item in value | dictsort %}
{{ '  ' * depth }}{{ key }}: {{ describe(item, depth + 1) }}
    {%- endfor -%}
  {%- elif value is sequence and value is not string -%}
    [{{ value | map('string') | join(' | ') }}]
  {%- else -%}
    {{ value }}
  {%- endif -%}
{%- endmacro -%}
{%- macro boxed(title) -%}<{{ title | upper }}>{{ caller() }}</{{ title | upper }}>{%- endmacro -%}
{% set roles %}
  {% for role in messages | map(attribute='role') | unique | sort %}{{ role | capitalize }};{% endfor %}
{% endset %}
{{ roles | trim }}
{% if tools %}{% for tool in tools %}{{ describe(tool) }}{% endfor %}{% endif %}
{% for message in messages recursive_is_not_used if message.content is string %}
{% endfor %}"""
CONSTRUCTS = CONSTRUCTS.replace(" recursive_is_not_used", "") + """
{% for message in messages %}
  {%- if loop.index > 4 %}{% break %}{% endif %}
  {%- if message.content is none %}{% continue %}{% endif %}
  {% call boxed(message['role']) %}{{ loop.revindex0 }}:{{ message.content | string | replace('\\n', '/') \
}}{% endcall %}
  {%- generation %}{{ loop.cycle('odd', 'even') }}{% endgeneration %}
{%- else %}
nothing
{%- endfor %}
{{ messages | length }} {{ messages | selectattr('content', 'string') | map(attribute='content') \
| map('length') | sum }} {{ messages[-1].content is defined }} {{ messages | last is mapping }}
{{ [1, 2.5, none, true, 'a"b', "it's", 'é\\t'] }} {{ {'a': [1, {'b': ()}]} }} {{ (1,) }}
{{ 7 // 2 }} {{ -7 % 3 }} {{ 2 ** 8 }} {{ 7 / 2 }} {{ 10.0 / 4 if true else 3 }} {{ 3 is odd }}
{{ 'a,b,,c'.split(',') }} {{ ' x '.strip() ~ '|' }} {{ 'abcdef'[1:-1:2] }} {{ 'Ab'.lower().title() }}
{{ "line one\\nline two" | indent(3) }} {{ "%d" | string }} {{ 'x' in 'xyz' and 'q' not in 'xyz' }}
{% filter upper %}done{% endfilter %}
"""

TOOLS = [
    {"type": "function", "function": {
        "name": "add", "description": "Adds two numbers <&> \"quoted\".",
        "parameters": {"type": "object", "properties": {
            "a": {"type": "number"}, "b": {"type": "number", "description": "größer"}},
            "required": ["a", "b"]}, "return": {"type": "number"}}},
    {"type": "function", "function": {"name": "now", "description": "The time.", "parameters": {}}},
]

SYSTEM = {"role": "system", "content": " You are terse.\nVery. "}
USER = {"role": "user", "content": "What is 2+2? \n"}
CALL = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "abcdefghi", "type": "function",
     "function": {"name": "add", "arguments": {"a": 2, "b": 2.5, "note": "é \"x\""}}}]}
CONVERSATIONS = [
    [USER],
    [SYSTEM, USER],
    [USER, {"role": "assistant", "content": "4"}, {"role": "user", "content": "Sure? ∑ 數學 🙂"}],
    [SYSTEM, USER, {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nIt is 4."},
     {"role": "user", "content": "And 3+3?"},
     {"role": "assistant", "content": "", "reasoning_content": "\nsix\n"}],
    [SYSTEM, USER, CALL, {"role": "tool", "content": "4.5"}],
    [USER, CALL, {"role": "tool", "content": "4.5"}, {"role": "tool", "content": "x"},
     {"role": "assistant", "content": "It is 4.5."}, {"role": "user", "content": "Thanks"}],
    [USER, USER],
    [{"role": "user", "content": [{"type": "text", "text": " parts "}, {"type": "image"}]}],
    [{"role": "alien", "content": "?"}],
    [SYSTEM],
]
EXTRAS = [{}, {"enable_thinking": False}, {"enable_thinking": True, "date_string": "1 May 2025",
                                           "tools_in_user_message": False}]


def default_template(path):
    field = gguf.GGUFReader(path).fields["tokenizer.chat_template"]
    return bytes(field.parts[field.data[0]]).decode()


def oracle(case):
    try:
        rendered, _ = render_jinja_template(
            conversations=[case["messages"]], chat_template=case["template"],
            tools=case["tools"], add_generation_prompt=case["add_generation_prompt"],
            bos_token=case["bos"], eos_token=case["eos"], **case["extra"])
        return rendered[0]
    except Exception:  # whatever it is, the template refuses
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--render", required=True)
    parser.add_argument("--model", required=True)
    options = parser.parse_args()
    templates = {"default model": default_template(options.model), "inst": INST,
                 "headers": HEADERS, "reasoning": REASONING, "turns": TURNS,
                 "last user": LAST_USER, "states": STATES, "constructs": CONSTRUCTS}
    cases = []
    for name, messages, tools, prompt, extra in itertools.product(
            templates, CONVERSATIONS, (None, TOOLS), (False, True), EXTRAS):
        cases.append({"name": name, "template": templates[name], "bos": "<s>", "eos": "</s>",
                      "messages": messages, "tools": tools, "add_generation_prompt": prompt,
                      "extra": extra})
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    run = subprocess.run([options.render], input=lines, capture_output=True, text=True, check=True)
    replies = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(replies) == len(cases)
    different, refused = 0, 0
    for case, reply in zip(cases, replies, strict=True):
        expected = oracle(case)
        refused += expected is None
        if reply.get("text") == expected:
            continue
        different += 1
        if different <= 3:
            print(f"{case['name']}: {json.dumps(case['messages'])[:300]}\n"
                  f"  expected {expected!r}\n  got      {reply!r}")
    rendered = {case["name"] for case, reply in zip(cases, replies, strict=True) if "text" in reply}
    print(f"{len(cases)} renderings ({refused} refused by both or either), {different} different")
    if rendered != set(templates):
        print(f"never rendered: {sorted(set(templates) - rendered)}")
        different += 1
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
