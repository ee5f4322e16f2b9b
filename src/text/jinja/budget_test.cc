// Hostile templates, generated: every filter, test, method and operator on large,
// nested and shared values, in loops that would run for years. None may take more
// time or memory than its budget says, whatever it does.
#include "text/jinja/budget.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <ctime>
#include <new>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/sanitizers.h"
#include "text/jinja/builtins.h"
#include "text/jinja/template.h"

namespace {

std::atomic<int64_t> allocated{0}, most_allocated{0};

void* Allocate(size_t size) {
  void* data = std::malloc(size == 0 ? 1 : size);
  if (data == nullptr) std::abort();
  const int64_t now = allocated += static_cast<int64_t>(malloc_usable_size(data));
  int64_t seen = most_allocated.load();
  while (now > seen && !most_allocated.compare_exchange_weak(seen, now)) {
  }
  return data;
}

void Free(void* data) {
  if (data != nullptr) allocated -= static_cast<int64_t>(malloc_usable_size(data));
  std::free(data);
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void* operator new[](size_t size) { return Allocate(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* data) noexcept { Free(data); }
void operator delete[](void* data) noexcept { Free(data); }
void operator delete(void* data, size_t) noexcept { Free(data); }
void operator delete[](void* data, size_t) noexcept { Free(data); }

namespace qed::jinja {
namespace {

// A five-hundredth of what a rendering has, so that the tests are quick.
constexpr RenderLimits kLimits{.work = 250'000, .bytes = 256 << 10};
// Nominally 1 ms. Unpaid work takes minutes.
constexpr double kMostSeconds = MostSeconds(1.0);
// Copies that are made on the way, and vectors that grow, beside what is paid.
constexpr int64_t kMostBytes = int64_t{2} << 20;

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::string Repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// What the templates find: the names of kOperands and "needle". Not paid for.
const Dict& Context() {
  static const Dict* const context = [] {
    using Json = nlohmann::ordered_json;
    Json json;
    json["text"] = std::string(4'000'000, 'a');
    json["other"] = std::string(4'000'000, 'a');
    json["needle"] = std::string(2'000'000, 'a') + "b";
    json["words"] = Repeated("a, \n", 400'000);
    json["accents"] = Repeated("\u00e9", 100'000);
    json["short"] = std::string(2'000, 'a');
    json["numbers"] = json["strings"] = json["records"] = Json::array();
    for (int i = 0; i < 50'000; ++i) {
      json["numbers"].push_back(i);
      json["strings"].push_back("string number " + std::to_string(i));
      json["records"].push_back({{"x", i}, {"y", std::string(20, 'y')}});
    }
    Json::object_t map;  // whose operator[] would look through all that is there
    for (int i = 0; i < 20'000; ++i) map.emplace_back("key " + std::to_string(i), i);
    json["map"] = std::move(map);
    Json deep = 1;
    for (int i = 0; i < 60; ++i) deep = Json::array({deep});
    json["deep"] = deep;
    Budget budget({.work = int64_t{1} << 40, .bytes = int64_t{1} << 40});
    return new Dict(FromJson(json, budget)->dict());
  }();
  return *context;
}

const char* const kOperands[] = {"text",    "accents", "words",   "short", "numbers",
                                 "strings", "records", "map",     "deep",  "a",
                                 "7",       "2.5",     "'short'", "none",  "[a, b]"};

// Two lists that are equal, of 2^40 items each, made of 40 lists.
const std::string kShared = [] {
  std::string text = "{% set a = [1] %}{% set b = [1] %}";
  for (int i = 0; i < 40; ++i) text += "{% set a = [a, a] %}{% set b = [b, b] %}";
  return text;
}();

struct Measured {
  Status status;
  double seconds;
  int64_t bytes;
};

Measured Measure(const std::string& source) {
  const Dict& context = Context();
  const auto compiled = Template::Compile(source);
  if (!compiled.ok()) return {compiled.status(), 0, 0};
  Budget budget(kLimits);
  const int64_t before = allocated;
  most_allocated = before;
  const double begin = CpuSeconds();
  const Result<std::string> text = compiled->Render(context, std::tm{}, budget);
  return {text.status(), CpuSeconds() - begin, most_allocated - before};
}

// The operation in two loops of 50,000 rounds each.
const std::string kLoops = "{% for i in numbers %}{% for j in numbers %}";
const std::string kEnds = "{% endfor %}{% endfor %}";

std::string Looped(const std::string& expression) {
  return kShared + "{% set ns = namespace(x='', l=[]) %}" + kLoops + "{% set x = " + expression +
         " %}" + kEnds;
}

// Every one ends in an error within its bounds: of the budget, unless the operation
// is none for such values.
void ExpectBounded(const std::vector<std::string>& expressions) {
  int exhausted = 0, measured_ones = 0;
  // A seventh meets every operand, name and argument still: none of them repeats by sevens.
  constexpr size_t kStride = kSanitized ? 7 : 1;
  for (size_t i = 0; i < expressions.size(); i += kStride, ++measured_ones) {
    const std::string& expression = expressions[i];
    const Measured measured = Measure(Looped(expression));
    EXPECT_FALSE(measured.status.ok()) << expression;
    EXPECT_LT(measured.seconds, kMostSeconds) << expression;
    EXPECT_LT(measured.bytes, kMostBytes) << expression;
    exhausted += measured.status.code() == StatusCode::kResourceExhausted ? 1 : 0;
  }
  // So that the test cannot pass by a mistake in all templates.
  EXPECT_GT(exhausted, measured_ones / 10);
}

TEST(BudgetTest, EveryFilter) {
  std::vector<std::string> expressions;
  for (const std::string_view name : FilterNames()) {
    for (const std::string operand : kOperands) {
      for (const char* arguments : {"", "('x')", "('a', needle)", "(attribute='x')", "(1000)",
                                    "('a', 'b', 3)", "(sort_keys=true, indent=100)", "(text)"}) {
        expressions.push_back(operand + " | " + std::string(name) + arguments);
      }
    }
  }
  for (const char* by :
       {"selectattr('x', 'eq', text)", "map('replace', 'a', text)", "map('string')",
        "select('in', text)", "rejectattr('y', 'in', strings)", "map('upper')", "join(text)",
        "sum(start=[])", "map(attribute='x.x.x.x.x')"}) {
    for (const std::string operand : kOperands) expressions.push_back(operand + " | " + by);
  }
  ExpectBounded(expressions);
}

TEST(BudgetTest, EveryMethod) {
  std::vector<std::string> expressions;
  for (const std::string_view name : MethodNames()) {
    for (const std::string operand : kOperands) {
      for (const char* arguments :
           {"()", "(needle)", "('a')", "('b', '')", "('a', needle)", "(strings)", "(map)", "(b)",
            "((text, needle, other))", "(none, 1)", "('aa', 100000)"}) {
        expressions.push_back("(" + operand + ")." + std::string(name) + arguments);
      }
    }
  }
  ExpectBounded(expressions);
}

TEST(BudgetTest, EveryTestAndOperator) {
  std::vector<std::string> expressions;
  for (const std::string operand : kOperands) {
    for (const std::string_view name : TestNames()) {
      if (name.front() < 'a') continue;  // operators come below
      for (const char* argument : {"", "(other)", "(b)", "(map)", "(3)"}) {
        expressions.push_back(operand + " is " + std::string(name) + argument);
      }
    }
    for (const char* op : {"==", "!=", "<", ">", "<=", ">=", "in", "not in", "+", "-", "*", "/",
                           "//", "%", "**", "~", "and", "or"}) {
      for (const char* other :
           {"other", "needle", "b", "[b]", "map", "strings", "1000000", "0.5"}) {
        expressions.push_back(operand + " " + op + " " + other);
      }
    }
    for (const char* behind : {"[0]", "[-1]", "[99999]", "[::-1]", "[1:]", "[:50000:3]", "[text]",
                               ".x", "[b]", "[-9223372036854775807:9223372036854775807]"}) {
      expressions.push_back("(" + operand + ")" + behind);
    }
    for (const char* before : {"not ", "-", "+"}) expressions.push_back(before + operand);
    expressions.push_back("[" + operand + ", {'k': " + operand + "}, (" + operand + ",)]");
    expressions.push_back("{" + operand + ": 1}");
    expressions.push_back("dict(k=" + operand + ")");
    expressions.push_back("namespace(" + operand + ")");
    expressions.push_back("range(" + operand + ")");
    expressions.push_back("raise_exception(" + operand + ")");
    expressions.push_back("strftime_now(" + operand + ")");
  }
  ExpectBounded(expressions);
}

// Growth, nesting and repetition in statements.
TEST(BudgetTest, EveryStatement) {
  std::vector<std::string> bodies;
  for (const std::string operand : kOperands) {
    bodies.push_back("{{ " + operand + " }}");
    bodies.push_back("{% for k in " + operand + " %}{{ k }}{% endfor %}");
    bodies.push_back("{% for k in " + operand + " if k == other %}{% endfor %}");
    bodies.push_back("{% for k, l in " + operand + " %}{% endfor %}");
    bodies.push_back("{% set k %}{{ " + operand + " }}{% endset %}");
    bodies.push_back("{% filter upper %}{{ " + operand + " }}{% endfilter %}");
    bodies.push_back("{% set ns.l = ns.l + [" + operand + "] %}");
    bodies.push_back("{% set ns.x = ns.x ~ " + operand + " %}");
    bodies.push_back("{% macro m(p) %}{{ p }}{% endmacro %}{{ m(" + operand + ") }}");
    bodies.push_back("{% if " + operand + " == b or " + operand + " == other %}{% endif %}");
  }
  bodies.insert(bodies.end(),
                {"", "text", "{% set ns.l = ns.l + [loop] %}", "{% set ns.l = [ns.l] %}",
                 "{% set ns.x = ns.x ~ 'aaaaaaaaaa' %}", "{% macro m() %}{% endmacro %}",
                 "{% set y %}{% endset %}", "{% generation %}{% endgeneration %}", "{{ caller }}",
                 "{% set n = namespace() %}{% set n.n = n %}",
                 "{% set n = namespace(m=ns) %}{% set ns.x = n %}"});
  int exhausted = 0;
  for (const std::string& body : bodies) {
    const Measured measured =
        Measure(kShared + "{% set ns = namespace(x='', l=[]) %}" + kLoops + body + kEnds);
    EXPECT_FALSE(measured.status.ok()) << body;
    EXPECT_LT(measured.seconds, kMostSeconds) << body;
    EXPECT_LT(measured.bytes, kMostBytes) << body;
    exhausted += measured.status.code() == StatusCode::kResourceExhausted ? 1 : 0;
  }
  EXPECT_GT(exhausted, static_cast<int>(bodies.size()) / 2);
}

TEST(BudgetTest, Recursion) {
  for (const char* source :
       {"{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}",
        "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}"
        "{{ f(60) }}",
        "{% macro f(x) %}{{ f(x ~ x) }}{% endmacro %}{{ f('ab') }}",
        "{% macro f(x) %}{% macro g(y) %}{{ f(y) }}{% endmacro %}{{ g(x) }}{% endmacro %}{{ f(1) "
        "}}",
        "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}"}) {
    const Measured measured = Measure(source);
    EXPECT_EQ(measured.status.code(), StatusCode::kResourceExhausted) << source;
    EXPECT_LT(measured.seconds, kMostSeconds) << source;
    EXPECT_LT(measured.bytes, kMostBytes) << source;
  }
}

// Templates of the greatest length, which must be read in time or be refused.
TEST(BudgetTest, LongSources) {
  const auto repeat = [](const std::string& text, size_t bytes) {
    std::string out;
    while (out.size() < bytes) out += text;
    return out;
  };
  constexpr size_t kBytes = 300'000;
  std::string names = "{{ f(", sets, parameters = "{% macro f(";
  for (int i = 0; names.size() < kBytes; ++i) names += "n" + std::to_string(i) + "=1,";
  for (int i = 0; sets.size() < kBytes; ++i) {
    sets += "{% set n" + std::to_string(i) + "=1 %}{{ n0 }}";
  }
  for (int i = 0; parameters.size() < kBytes; ++i) parameters += "n" + std::to_string(i) + ",";
  const std::vector<std::string> sources = {
      names + "a=1) }}",
      sets,
      parameters + "a) %}{% endmacro %}",
      "{{ " + repeat("(", kBytes),
      "{{ " + repeat("[", kBytes),
      "{{ " + repeat("not ", kBytes) + "1 }}",
      "{{ " + repeat("-", kBytes) + "1 }}",
      repeat("{% if 1 %}", kBytes),
      "{{ a" + repeat(".b", kBytes) + " }}",
      "{{ 1" + repeat("+1", kBytes) + " }}",
      "{{ 1" + repeat("<1", kBytes) + " }}",
      "{{ 1" + repeat("~1", kBytes) + " }}",
      "{{ 1" + repeat(" if 1 else 1", kBytes) + " }}",
      "{{ 1" + repeat(" is eq 1", kBytes) + " }}",
      "{{ 1" + repeat(" is eq(1", kBytes) + " }}",
      "{{ 1" + repeat("**1", kBytes) + " }}",
      "{{ 1" + repeat(" in 1", kBytes) + " }}",
      "{{ f" + repeat("(f", kBytes) + " }}",
      "{{ a" + repeat("[a", kBytes) + " }}",
      "{{ a" + repeat("|d(a", kBytes) + " }}",
      repeat("{% filter upper %}", kBytes),
      repeat("{% call f() %}", kBytes),
      repeat("{% set a %}", kBytes),
      repeat("{% for a in b %}", kBytes),
      repeat("{% macro f() %}", kBytes),
      "{% set " + repeat("a,", kBytes) + " = 1 %}",
      "{% set " + repeat("(", kBytes) + "a = 1 %}",
      "{{ 1" + repeat("|string", kBytes) + " }}",
      "{% if 0 %}" + repeat("{% elif 0 %}", kBytes) + "{% endif %}",
      repeat("{{ 1 }}", kBytes),
      "{{ [" + repeat("1,", kBytes) + "] }}",
      "{{ {" + repeat("'a':1,", kBytes) + "} }}",
      "{{ " + repeat("'a'", kBytes) + " }}",
      repeat("{#", kBytes),
      repeat("{%- ", kBytes),
      repeat("\n  ", kBytes) + "{%- if 1 %}",
      "{{ " + repeat("a", kBytes) + " }}",
      "{{ " + repeat("9", kBytes) + " }}",
      "{{ '" + repeat("\\u0041", kBytes) + "' }}",
      repeat("{", kBytes),
      repeat("{% set a = 1 -%}\n", kBytes)};
  for (const std::string& source : sources) {
    const double begin = CpuSeconds();
    Measure(source);
    EXPECT_LT(CpuSeconds() - begin, MostSeconds(3.0)) << source.substr(0, 40);
  }
}

// The whole budget is a second or so of work, for the operations that take longest
// for what they pay; the time is printed, and bounded generously.
TEST(BudgetTest, AWholeBudgetIsSpentInTime) {
  Context();
  for (const char* expression :
       {"short | upper", "short == 'a' * 2000", "short | list", "'a' in short", "loop.index",
        "strings[0:99] | sort", "short | tojson", "words[0:2000].split(',')", "[1, 2, 3]",
        "accents[0:1000] | length"}) {
    const auto compiled = Template::Compile(Looped(expression));
    ASSERT_TRUE(compiled.ok()) << compiled.status().message();
    Budget budget({.work = Rounds(12'500'000), .bytes = int64_t{128} << 20});
    const double begin = CpuSeconds();
    const Result<std::string> text = compiled->Render(Context(), std::tm{}, budget);
    EXPECT_EQ(text.status().code(), StatusCode::kResourceExhausted) << text.status().message();
    std::printf("%-30s %.3f s of CPU for a tenth of the work\n", expression, CpuSeconds() - begin);
    EXPECT_LT(CpuSeconds() - begin, MostSeconds(5.0)) << expression;
  }
}

}  // namespace
}  // namespace qed::jinja
