#include "text/jinja/template.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "text/jinja/budget.h"
#include "text/jinja/value.h"

namespace qed::jinja {
namespace {

constexpr const char* kData = R"({
  "n": 3, "pi": 3.5, "name": "World", "empty": "", "nothing": null, "yes": true,
  "list": [3, 1, 2], "dict": {"b": 1, "a": "x"}, "text": "a-b-c", "uni": "grün 數學",
  "messages": [{"role": "system", "content": " Be brief. "},
               {"role": "user", "content": "Hi"},
               {"role": "assistant", "content": "Hello"}]})";

Result<std::string> Render(const std::string& source) {
  QED_ASSIGN_OR_RETURN(const Template compiled, Template::Compile(source));
  Budget budget;
  QED_ASSIGN_OR_RETURN(const Value data, FromJson(nlohmann::ordered_json::parse(kData), budget));
  std::tm now = {};
  now.tm_year = 126;
  now.tm_mon = 6;
  now.tm_mday = 26;
  return compiled.Render(data.dict(), now, budget);
}

struct Case {
  std::string source;
  std::string expected;
};

void ExpectAll(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const Result<std::string> out = Render(c.source);
    EXPECT_TRUE(out.ok()) << c.source << "\n" << out.status().message();
    if (!out.ok()) continue;
    EXPECT_EQ(*out, c.expected) << c.source;
  }
}

TEST(TemplateTest, TextAndWhiteSpace) {
  ExpectAll({
      {"plain { text } % #", "plain { text } % #"},
      {"ends\n", "ends"},
      {"ends\n\n", "ends\n"},
      {"a\r\nb\rc", "a\nb\nc"},
      {"a {{- ' b ' -}} c", "a b c"},
      {"{% if yes %}\nx\n{% endif %}\ny", "x\ny"},
      {"  {% if yes %}\n  x\n  {% endif %}\n", "  x\n"},
      {"  {%+ if yes %}x{% endif %}", "  x"},
      {"{% if yes +%}\nx{% endif %}", "\nx"},
      {"a\n  {%- if yes -%}\n  x\n  {%- endif -%}\n  b", "axb"},
      {"a {# comment #} b", "a  b"},
      {"a\n  {# comment #}\nb", "a\nb"},
      {"a {#- comment -#} b", "ab"},
      {"{{ '}}' }}{{ {'a': {'b': 1}}.a.b }}", "}}1"},
      {"x {{ n }} {% if yes %} y {% endif %}", "x 3  y "},
  });
}

TEST(TemplateTest, Expressions) {
  ExpectAll({
      {"{{ 1 + 2 * 3 - 4 // 3 % 2 ** 1 }}", "6"},
      {"{{ 7 / 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** 3 ** 1 }} {{ 2 ** -1 }}", "3.5 -4 2 8 0.5"},
      {"{{ 1.0 }} {{ 0.1 + 0.2 }} {{ 10.0 ** 20 }} {{ 1 / 10 ** 6 }}",
       "1.0 0.30000000000000004 1e+20 1e-06"},
      {"{{ 'a' ~ 1 ~ none ~ true ~ nope }}", "a1NoneTrue"},
      {"{{ 'a' + \"b\" 'c' }}", "abc"},
      {"{{ '\\n\\t\\x41\\u00e9\\q' }}", "\n\tA\u00e9\\q"},
      {"{{ 'x' * 3 }}{{ [1] * 2 + [2] }}", "xxx[1, 1, 2]"},
      {"{{ 1 < 2 < 3 }} {{ 1 == 1.0 }} {{ 'a' < 'b' }} {{ [1, 2] == [1, 2] }}",
       "True True True True"},
      {"{{ 'or' in 'World' }} {{ 9 not in list }} {{ 'a' in dict }}", "True True True"},
      {"{{ not yes or n and name }}", "World"},
      {"{{ 'a' if nothing else 'b' if empty else 'c' }}{{ 'x' if false }}", "c"},
      {"{{ list[0] }}{{ list[-1] }}{{ text[0] }}{{ dict['a'] }}{{ dict.b }}", "32ax1"},
      {"{{ list[1:] }}{{ list[::-1] }}{{ text[-1:] }}{{ text[:-2] }}{{ text[::2] }}",
       "[1, 2][2, 1, 3]ca-babc"},
      {"{{ uni[-1] }}{{ uni | length }}{{ uni[::-1][0] }}", "學7學"},
      {"{{ -n | abs }} {{ -(n) }} {{ (-n) | abs }}", "3 -3 3"},
      {"{{ (1, 'a') }} {{ (1,) }} {{ {'k': [none, 1.5, \"it's\"]} }}",
       "(1, 'a') (1,) {'k': [None, 1.5, \"it's\"]}"},
      {"{{ nope }}|{{ dict.nope }}|{{ list[9] }}", "||"},
      {"{{ nope is defined }} {{ n is defined and n is number }} {{ name is not none }}",
       "False True True"},
  });
}

TEST(TemplateTest, Statements) {
  ExpectAll({
      {"{% if n == 1 %}a{% elif n == 3 %}b{% else %}c{% endif %}", "b"},
      {"{% for x in list %}{{ loop.index }}:{{ x }}{{ ',' if not loop.last }}{% endfor %}",
       "1:3,2:1,3:2"},
      {"{% for x in list if x > 1 %}{{ loop.length }}{{ x }} {% endfor %}", "23 22 "},
      {"{% for x in [] %}a{% else %}none{% endfor %}", "none"},
      {"{% for k, v in dict.items() %}{{ k }}={{ v }};{% endfor %}", "b=1;a=x;"},
      {"{% for x in range(9) %}{% if x == 1 %}{% continue %}{% endif %}{% if x > 3 %}{% break %}"
       "{% endif %}{{ x }}{% endfor %}",
       "023"},
      {"{% for x in 'ab' %}{{ loop.cycle('1', '2') }}{{ loop.previtem }}{{ x }}{{ loop.nextitem "
       "}} {% endfor %}",
       "1ab 2ab "},
      {"{% for a in [1] %}{% for b in [1] %}{{ loop.depth }}{% endfor %}{{ loop.depth }}{% endfor "
       "%}",
       "21"},
      {"{% set x = 1 %}{% for i in list %}{% set x = i %}{% endfor %}{{ x }}", "1"},
      {"{% set ns = namespace(x=0) %}{% for i in list %}{% set ns.x = ns.x + i %}{% endfor %}{{ "
       "ns.x }}",
       "6"},
      {"{% set a, b = 1, 2 %}{{ b }}{{ a }}", "21"},
      {"{% set t %} in {{ n }} {% endset %}[{{ t }}]", "[ in 3 ]"},
      {"{% set t | trim | upper %} in {% endset %}[{{ t }}]", "[IN]"},
      {"{% filter upper %}a{{ name }}{% endfilter %}", "AWORLD"},
      {"{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, c=5) }}",
       "121;125;"},
      {"{% macro m(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) m(4) %}{{ y }}{{ n }}{% endcall "
       "%}",
       "<43>"},
      {"{% macro f(x) %}{{ x }}{% if x > 0 %}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
       "3210"},
      {"{% set z = 1 %}{% macro m() %}{{ z }}{% endmacro %}{% set z = 2 %}{{ m() }}", "2"},
      {"{% generation %}a{{ n }}{% endgeneration %}", "a3"},
      {"{{ strftime_now('%d %b %Y') }}", "26 Jul 2026"},
  });
}

TEST(TemplateTest, Filters) {
  ExpectAll({
      {"{{ '  a ' | trim }}|{{ 'xxaxx' | trim('x') }}", "a|a"},
      {"{{ name | upper | lower | capitalize }} {{ \"it's a-b\" | title }}", "World It's A-B"},
      {"{{ nope | default('d') }}{{ empty | default('e', true) }}{{ empty | default('f') }}", "de"},
      {"{{ list | join(', ') }} {{ messages | map(attribute='role') | join('/') }}",
       "3, 1, 2 system/user/assistant"},
      {"{{ list | first }}{{ list | last }}{{ list | length }}{{ dict | count }}", "3232"},
      {"{{ list | sort }}{{ list | reverse | list }}{{ list | sum }}{{ list | min }}{{ list | max "
       "}}",
       "[1, 2, 3][2, 1, 3]613"},
      {"{{ ['b', 'A', 'a', 'b'] | unique | join }}{{ ['b', 'A'] | sort }}", "bA['A', 'b']"},
      {"{{ dict | dictsort }}{{ dict | items | list }}",
       "[('a', 'x'), ('b', 1)][('b', 1), ('a', 'x')]"},
      {"{{ messages | selectattr('role', 'equalto', 'user') | list | length }}", "1"},
      {"{{ messages | rejectattr('role', 'in', ['user', 'system']) | map(attribute='content') | "
       "first }}",
       "Hello"},
      {"{{ [0, 1, none, 2] | select | list }}{{ list | reject('odd') | list }}", "[1, 2][2]"},
      {"{{ ['a', 'b'] | map('upper') | list }}", "['A', 'B']"},
      {"{{ text | replace('-', '+', 1) }}{{ 'ab' | replace('', '.') }}", "a+b-c.a.b."},
      {"{{ ' 12 ' | int + 1 }} {{ '3.7' | int }} {{ 'x' | int(5) }} {{ '2' | float }} {{ 5 | "
       "string "
       "~ 1 }}",
       "13 3 5 2.0 51"},
      {"{{ 'a\nb\n\nc' | indent(2) }}|{{ 'a' | indent(2, first=true) }}", "a\n  b\n\n  c|  a"},
      {"{{ dict | tojson }}", R"({"b": 1, "a": "x"})"},
      {"{{ dict | tojson(indent=2) }}", "{\n  \"b\": 1,\n  \"a\": \"x\"\n}"},
      {"{{ {'h': '<&>\"\\n' ~ uni, 'e': [], 'f': 1.0} | tojson }}",
       "{\"h\": \"<&>\\\"\\ngrün 數學\", \"e\": [], \"f\": 1.0}"},
      {"{{ dict | tojson(separators=(',', ':'), sort_keys=true) }}", R"({"a":"x","b":1})"},
  });
}

TEST(TemplateTest, MethodsAndTests) {
  ExpectAll({
      {"{{ text.split('-') }}{{ text.split('-', 1)[-1] }}{{ ' a  b '.split() }}",
       "['a', 'b', 'c']b-c['a', 'b']"},
      {"{{ text.rsplit('-', 1) }}{{ 'a b  c'.rsplit(none, 1) }}", "['a-b', 'c']['a b', 'c']"},
      {"{{ ' a '.strip() }}{{ 'xa'.lstrip('x') }}{{ 'a\\n'.rstrip('\\n') }}", "aaa"},
      {"{{ text.startswith('a-') }}{{ text.endswith(('x', 'c')) }}", "TrueTrue"},
      {"{{ name.upper() }}{{ \"it's\".title() }}{{ 'AB'.capitalize() }}", "WORLDIt'SAb"},
      {"{{ text.find('b') }}{{ text.find('z') }}{{ uni.find('數') }}{{ text.count('-') }}",
       "2-152"},
      {"{{ text.replace('-', '') }}{{ ','.join(['a', 'b']) }}", "abca,b"},
      {"{{ dict.get('a') }}{{ dict.get('z', 7) }}{{ dict.keys() | list }}{{ dict.values() | list "
       "}}",
       "x7['b', 'a'][1, 'x']"},
      {"{{ 'abc'.removeprefix('a').removesuffix('c') }}{{ 'a\\nb'.splitlines() }}", "b['a', 'b']"},
      {"{{ list is sequence }}{{ dict is mapping }}{{ name is string }}{{ yes is boolean }}",
       "TrueTrueTrueTrue"},
      {"{{ yes is true }}{{ n is odd }}{{ n is divisibleby 3 }}{{ n is eq 3 }}{{ n is in [3] }}",
       "TrueTrueTrueTrueTrue"},
      {"{{ nothing is none }}{{ n is not string }}{{ dict is iterable }}{{ n is iterable }}",
       "TrueTrueTrueFalse"},
  });
}

// What is not known is said when the template is compiled, with its line.
TEST(TemplateTest, UnsupportedConstructs) {
  const std::vector<Case> cases = {
      {"\n{% include 'x' %}", "line 2: the tag include"},
      {"{% extends 'x' %}", "the tag extends"},
      {"{% block x %}{% endblock %}", "the tag block"},
      {"{{ x | xmlattr }}", "the filter xmlattr"},
      {"{{ x is weird }}", "the test weird"},
      {"{{ x.format(1) }}", "the method format"},
      {"{{ list.append(1) }}", "the method append"},
      {"{{ cycler(1) }}", "the function cycler"},
      {"{{ x | map('weird') }}", "the filter weird"},
      {"{{ x | selectattr('a', 'weird') }}", "the test weird"},
      {"{% for x in y recursive %}{% endfor %}", "a recursive loop"},
      {"{{ f(*x) }}", "arguments with * or **"},
      {"{{ '%s' % 1 }}", "formatting a text with %"},
  };
  for (const Case& c : cases) {
    const auto compiled = Template::Compile(c.source);
    EXPECT_EQ(compiled.status().code(), StatusCode::kUnsupported) << c.source;
    EXPECT_NE(compiled.status().message().find(c.expected), std::string::npos)
        << compiled.status().message();
  }
}

TEST(TemplateTest, NotATemplate) {
  for (const char* source :
       {"{% if x %}", "{{ x", "{{ }}", "{{ 1 + }}", "{% endif %}", "{{ x) }}", "{{ (x }}",
        "{% for in x %}{% endfor %}", "{# open", "{{ 'open }}", "{% break %}", "{{ a b }}",
        "{% set = 1 %}", "{{ x[] }}", "{% macro m(1) %}{% endmacro %}", "{{ '\\ud800' }}",
        "{% if x %}{% else %}{% elif y %}{% endif %}", "{{ f(a=1, 2) }}", "{{ {1 2} }}"}) {
    const auto compiled = Template::Compile(source);
    EXPECT_FALSE(compiled.ok()) << source;
    EXPECT_NE(compiled.status().message().find("line 1"), std::string::npos)
        << compiled.status().message();
  }
}

TEST(TemplateTest, ErrorsOfRenderingNameTheLine) {
  const std::vector<Case> cases = {
      {"\n\n{{ nope.x }}", "line 3: \"nope\" is undefined"},
      {"{{ 1 + 'a' }}", "int + str"},
      {"{{ n.upper() }}", "no method upper"},
      {"{{ raise_exception('Only two roles') }}", "Only two roles"},
      {"{{ 1 // 0 }}", "division by zero"},
      {"{{ nope | tojson }}", "tojson"},
      {"{{ uni | upper }}", "upper or lower case"},
      {"{{ 9223372036854775807 + 1 }}", "64 bits"},
      {"{% set x.y = 1 %}", "not a namespace"},
  };
  for (const Case& c : cases) {
    const auto out = Render(c.source);
    EXPECT_FALSE(out.ok()) << c.source;
    EXPECT_NE(out.status().message().find(c.expected), std::string::npos) << out.status().message();
  }
}

TEST(TemplateTest, HostileTemplatesAreBounded) {
  std::string nested(5000, '('), blocks, sums = "1", strings = "{% set x = 'aaaaaaaaaaaaaaaa' %}";
  for (int i = 0; i < 5000; ++i) blocks += "{% if x %}";
  for (int i = 0; i < 5000; ++i) sums += "+1";
  for (int i = 0; i < 60; ++i) strings += "{% set x = x + x %}";
  std::string nots;
  for (int i = 0; i < 100000; ++i) nots += "not ";
  EXPECT_FALSE(Template::Compile("{{ " + nested).ok());
  EXPECT_FALSE(Template::Compile(blocks).ok());
  EXPECT_FALSE(Template::Compile("{{ " + sums + " }}").ok());
  EXPECT_FALSE(Template::Compile("{{ " + nots + "x }}").ok());
  for (const std::string& source : {
           strings,
           std::string("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"),
           std::string("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}"
                       "{% endfor %}"),
           std::string("{{ 'a' * 9999999999 }}"),
           std::string("{{ range(999999999) }}"),
           std::string("{% set ns = namespace(x=[]) %}{% for i in range(1000) %}"
                       "{% set ns.x = [ns.x] %}{% endfor %}"),
           std::string("{{ ('a' * 1000000) | replace('a', 'b' * 1000000) }}"),
           std::string("{{ 'a' | indent(99999999) }}"),
       }) {
    EXPECT_EQ(Render(source).ok(), false) << source.substr(0, 100);
  }
  // Namespaces in a circle are taken apart.
  EXPECT_TRUE(Render("{% set a = namespace() %}{% set a.me = a %}").ok());
}

}  // namespace
}  // namespace qed::jinja
