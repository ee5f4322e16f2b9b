// What may follow "is", and stand as a name in select and reject.
#include <algorithm>
#include <array>
#include <cctype>

#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"

namespace qed::jinja {
namespace {

bool IsInteger(const Value& v) { return v.is_int(); }

bool IsIterable(const Value& v) {
  return v.is_string() || v.is_list() || v.is_dict() || v.is_undefined();
}

// Python's isupper() and islower(): some letter, and none of the other case.
bool HasCase(const Value& v, int (*same)(int), int (*other)(int)) {
  if (!v.is_string()) return false;
  const auto any = [&](int (*is)(int)) {
    return std::ranges::any_of(v.string(), [&](unsigned char c) { return is(c) != 0; });
  };
  return any(same) && !any(other);
}

using Predicate = bool (*)(const Value&);
struct SimpleTest {
  std::string_view name;
  Predicate holds;
  Cost cost = Cost::kGlance;
};
constexpr std::array kSimpleTests = {
    SimpleTest{"defined", [](const Value& v) { return !v.is_undefined(); }},
    SimpleTest{"undefined", [](const Value& v) { return v.is_undefined(); }},
    SimpleTest{"none", [](const Value& v) { return v.is_none(); }},
    SimpleTest{"string", [](const Value& v) { return v.is_string(); }},
    SimpleTest{"mapping", [](const Value& v) { return v.is_dict(); }},
    SimpleTest{"iterable", IsIterable},
    SimpleTest{"sequence", IsIterable},
    SimpleTest{"number", [](const Value& v) { return v.is_number(); }},
    SimpleTest{"integer", IsInteger},
    SimpleTest{"float", [](const Value& v) { return v.is_float(); }},
    SimpleTest{"boolean", [](const Value& v) { return v.is_bool(); }},
    SimpleTest{"true", [](const Value& v) { return v.is_bool() && v.boolean(); }},
    SimpleTest{"false", [](const Value& v) { return v.is_bool() && !v.boolean(); }},
    SimpleTest{"callable", [](const Value& v) { return v.is_callable(); }},
    SimpleTest{"upper", [](const Value& v) { return HasCase(v, std::isupper, std::islower); },
               Cost::kBreadth},
    SimpleTest{"lower", [](const Value& v) { return HasCase(v, std::islower, std::isupper); },
               Cost::kBreadth},
};

Result<bool> Divides(const Value& value, const Value& divisor) {
  const bool integers = (value.is_int() || value.is_bool()) && divisor.is_int();
  if (!integers || divisor.integer() == 0) return InvalidArgument("wants whole numbers");
  return divisor.integer() == -1 || value.integer() % divisor.integer() == 0;
}

using Comparison = Result<bool> (*)(const Value&, const Value&);
struct BinaryTest {
  std::string_view name;
  Comparison holds;
  Cost cost = Cost::kCompare;
};
Result<bool> Same(const Value& a, const Value& b) { return Equal(a, b); }
Result<bool> Differ(const Value& a, const Value& b) { return !Equal(a, b); }
Result<bool> Greater(const Value& a, const Value& b) { return Less(b, a); }
Result<bool> AtMost(const Value& a, const Value& b) {
  QED_ASSIGN_OR_RETURN(const bool greater, Less(b, a));
  return !greater;
}
Result<bool> AtLeast(const Value& a, const Value& b) { return AtMost(b, a); }
// Identity, as far as values that are equal and of one type go.
Result<bool> Identical(const Value& a, const Value& b) {
  return std::string_view(a.TypeName()) == b.TypeName() && Equal(a, b);
}
Result<bool> In(const Value& a, const Value& b) { return Contains(b, a); }

constexpr std::array kBinaryTests = {
    BinaryTest{"==", Same},
    BinaryTest{"eq", Same},
    BinaryTest{"equalto", Same},
    BinaryTest{"!=", Differ},
    BinaryTest{"ne", Differ},
    BinaryTest{"<", Less},
    BinaryTest{"lt", Less},
    BinaryTest{"lessthan", Less},
    BinaryTest{">", Greater},
    BinaryTest{"gt", Greater},
    BinaryTest{"greaterthan", Greater},
    BinaryTest{"<=", AtMost},
    BinaryTest{"le", AtMost},
    BinaryTest{">=", AtLeast},
    BinaryTest{"ge", AtLeast},
    BinaryTest{"in", In, Cost::kDepth},
    BinaryTest{"sameas", Identical},
    BinaryTest{"divisibleby", Divides},
};

template <typename Table>
auto Find(const Table& table, std::string_view name) {
  return std::ranges::find(table, name, [](const auto& entry) { return entry.name; });
}

}  // namespace

bool IsTest(std::string_view name) {
  return Find(kSimpleTests, name) != kSimpleTests.end() ||
         Find(kBinaryTests, name) != kBinaryTests.end() || name == "odd" || name == "even";
}

std::vector<std::string_view> TestNames() {
  std::vector<std::string_view> names = {"odd", "even"};
  for (const SimpleTest& test : kSimpleTests) names.push_back(test.name);
  for (const BinaryTest& test : kBinaryTests) names.push_back(test.name);
  return names;
}

Result<bool> ApplyTest(std::string_view name, const Value& input, const Arguments& arguments,
                       Budget& budget) {
  if (const auto test = Find(kSimpleTests, name); test != kSimpleTests.end()) {
    QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
    QED_RETURN_IF_ERROR(budget.Work(WorkOf(test->cost, input, arguments)));
    return test->holds(input);
  }
  if (const auto test = Find(kBinaryTests, name); test != kBinaryTests.end()) {
    QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"other"}));
    if (arguments.positional.empty() && arguments.named.empty()) {
      return InvalidArgument("the test " + std::string(name) + " needs an argument");
    }
    QED_RETURN_IF_ERROR(budget.Work(WorkOf(test->cost, input, arguments)));
    return test->holds(input, bound[0]);
  }
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  QED_ASSIGN_OR_RETURN(const bool even, Divides(input, Value(int64_t{2})));
  return even == (name == "even");
}

}  // namespace qed::jinja
