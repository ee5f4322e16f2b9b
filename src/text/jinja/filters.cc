#include "text/jinja/filters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/py_string.h"

namespace qed::jinja {
namespace {

// The input as text, its size charged.
Result<std::string> Text(const Value& input, Budget& budget) {
  QED_ASSIGN_OR_RETURN(std::string text, ToString(input));
  QED_RETURN_IF_ERROR(budget.Charge(text.size()));
  return text;
}

Result<Value> Trim(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"chars"}));
  QED_ASSIGN_OR_RETURN(const std::string text, Text(input, budget));
  const bool blanks = bound[0].is_undefined() || bound[0].is_none();
  if (!blanks && !bound[0].is_string()) return InvalidArgument("wants a str");
  const std::string* chars = blanks ? nullptr : &bound[0].string();
  return Value(std::string(Strip(text, chars, Ends::kBoth)));
}

template <auto kChange>
Result<Value> ChangeCase(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  QED_ASSIGN_OR_RETURN(const std::string text, Text(input, budget));
  QED_ASSIGN_OR_RETURN(std::string changed, kChange(text));
  return Value(std::move(changed));
}

// Jinja's title() begins words behind white space and opening brackets only.
Result<Value> TitleFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  QED_ASSIGN_OR_RETURN(const std::string text, Text(input, budget));
  QED_ASSIGN_OR_RETURN(std::string out, Lower(text));
  bool begins = true;
  for (char& c : out) {
    if (begins && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    begins = std::string_view("-({[<").find(c) != std::string_view::npos ||
             std::string_view(" \t\n\r\f\v").find(c) != std::string_view::npos;
  }
  return Value(std::move(out));
}

Result<Value> Length(const Value& input, const Arguments& arguments, Budget&) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  if (input.is_undefined()) return Value(int64_t{0});
  if (input.is_string()) return Value(CountChars(input.string()));
  if (input.is_list()) return Value(static_cast<int64_t>(input.list().items.size()));
  if (input.is_dict()) return Value(static_cast<int64_t>(input.dict().entries.size()));
  return InvalidArgument(std::string("a value of type ") + input.TypeName() + " has no length");
}

Result<Value> Default(const Value& input, const Arguments& arguments, Budget&) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"default_value", "boolean"}));
  const bool replace = input.is_undefined() || (bound[1].Truthy() && !input.Truthy());
  if (!replace) return input;
  return arguments.positional.empty() && bound[0].is_undefined() ? Value(std::string()) : bound[0];
}

Result<Value> Join(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"d", "attribute"}));
  QED_ASSIGN_OR_RETURN(const std::string separator, ToString(bound[0]));
  QED_ASSIGN_OR_RETURN(const auto items, Iterate(input, budget));
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    Value item = items[i];
    if (!bound[1].is_undefined()) {
      QED_ASSIGN_OR_RETURN(item, GetAttributePath(item, bound[1]));
    }
    QED_ASSIGN_OR_RETURN(const std::string text, Text(item, budget));
    QED_RETURN_IF_ERROR(budget.Charge(separator.size()));
    out += (i > 0 ? separator : "") + text;
  }
  return Value(std::move(out));
}

Result<Value> ReplaceFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"old", "new", "count"}, 2));
  QED_ASSIGN_OR_RETURN(const std::string text, Text(input, budget));
  QED_ASSIGN_OR_RETURN(const std::string from, ToString(bound[0]));
  QED_ASSIGN_OR_RETURN(const std::string to, ToString(bound[1]));
  const bool all = bound[2].is_undefined() || bound[2].is_none();
  if (!all && !bound[2].is_int()) return InvalidArgument("wants a whole count");
  const size_t most = text.size() / std::max<size_t>(1, from.size()) + 1;
  QED_RETURN_IF_ERROR(budget.Charge(text.size()));
  if (to.size() > from.size()) QED_RETURN_IF_ERROR(budget.Charge(most * (to.size() - from.size())));
  return Value(Replace(text, from, to, all ? -1 : bound[2].integer()));
}

Result<Value> StringFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  QED_ASSIGN_OR_RETURN(std::string text, Text(input, budget));
  return Value(std::move(text));
}

// A number that the whole text is, but for white space around it.
template <typename T>
bool ParseNumber(const std::string& text, T& out) {
  std::string_view digits = Strip(text, nullptr, Ends::kBoth);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return result.ec == std::errc() && result.ptr == digits.data() + digits.size() && !digits.empty();
}

bool FitsInteger(double number) { return number >= -0x1p63 && number < 0x1p63; }

Result<Value> Int(const Value& input, const Arguments& arguments, Budget&) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"default"}));
  if (input.is_int() || input.is_bool()) return Value(input.integer());
  int64_t integer = 0;
  double number = std::numeric_limits<double>::quiet_NaN();
  if (input.is_float()) number = input.number();
  if (input.is_string()) {
    if (ParseNumber(input.string(), integer)) return Value(integer);
    if (!ParseNumber(input.string(), number)) number = std::numeric_limits<double>::quiet_NaN();
  }
  if (FitsInteger(number)) return Value(static_cast<int64_t>(number));
  return bound[0].is_undefined() ? Value(int64_t{0}) : bound[0];
}

Result<Value> Float(const Value& input, const Arguments& arguments, Budget&) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"default"}));
  if (input.is_number()) return Value(input.number());
  double number = 0;
  if (input.is_string() && ParseNumber(input.string(), number)) return Value(number);
  return bound[0].is_undefined() ? Value(0.0) : bound[0];
}

Result<Value> Abs(const Value& input, const Arguments& arguments, Budget&) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  if (input.is_float()) return Value(std::fabs(input.number()));
  if (!input.is_number() || input.integer() == INT64_MIN) return InvalidArgument("wants a number");
  return Value(std::abs(input.integer()));
}

Result<Value> Indent(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"width", "first", "blank"}));
  QED_ASSIGN_OR_RETURN(const std::string text, Text(input, budget));
  std::string margin(4, ' ');
  if (bound[0].is_string()) {
    margin = bound[0].string();
  } else if (bound[0].is_int()) {
    if (bound[0].integer() > 1000) return InvalidArgument("a width above 1000");
    margin.assign(static_cast<size_t>(std::max<int64_t>(0, bound[0].integer())), ' ');
  } else if (!bound[0].is_undefined()) {
    return InvalidArgument("wants a width");
  }
  // The line end put behind the text keeps one that it ends with.
  const std::string ended = text + "\n";
  const std::vector<std::string_view> lines = SplitLines(ended);
  QED_RETURN_IF_ERROR(budget.Charge(text.size() + lines.size() * (margin.size() + 1)));
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    const bool margins = i == 0 ? bound[1].Truthy() : bound[2].Truthy() || !lines[i].empty();
    if (margins) out += margin;
    out += lines[i];
  }
  return Value(std::move(out));
}

Result<Value> Same(const Value& input, const Arguments& arguments, Budget&) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  return input;
}

Result<Value> ToJsonFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound,
                       Bind(arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonFormat format;
  format.ensure_ascii = bound[0].Truthy();
  format.sort_keys = bound[3].Truthy();
  if (bound[1].is_int()) {
    if (bound[1].integer() < 0 || bound[1].integer() > 100)
      return InvalidArgument("an indent from 0 to 100");
    format.indent = static_cast<int>(bound[1].integer());
    format.item_separator = ",";
  } else if (bound[1].Truthy()) {
    return Unsupported("tojson with an indent that is not a whole number");
  }
  if (bound[2].is_list()) {
    const auto& pair = bound[2].list().items;
    if (pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
      return InvalidArgument("separators are two strings");
    }
    format.item_separator = pair[0].string();
    format.key_separator = pair[1].string();
  }
  QED_ASSIGN_OR_RETURN(std::string text, ToJson(input, format));
  QED_RETURN_IF_ERROR(budget.Charge(text.size()));
  return Value(std::move(text));
}

using Filter = Result<Value> (*)(const Value& input, const Arguments& arguments, Budget& budget);
struct NamedFilter {
  std::string_view name;
  Filter apply;
};
constexpr std::array kFilters = {
    NamedFilter{"trim", Trim},
    NamedFilter{"upper", ChangeCase<Upper>},
    NamedFilter{"lower", ChangeCase<Lower>},
    NamedFilter{"capitalize", ChangeCase<Capitalize>},
    NamedFilter{"title", TitleFilter},
    NamedFilter{"length", Length},
    NamedFilter{"count", Length},
    NamedFilter{"default", Default},
    NamedFilter{"d", Default},
    NamedFilter{"join", Join},
    NamedFilter{"replace", ReplaceFilter},
    NamedFilter{"string", StringFilter},
    NamedFilter{"int", Int},
    NamedFilter{"float", Float},
    NamedFilter{"abs", Abs},
    NamedFilter{"indent", Indent},
    NamedFilter{"safe", Same},
    NamedFilter{"tojson", ToJsonFilter},
    NamedFilter{"list", ListFilter},
    NamedFilter{"items", ItemsFilter},
    NamedFilter{"first", FirstFilter},
    NamedFilter{"last", LastFilter},
    NamedFilter{"reverse", ReverseFilter},
    NamedFilter{"sort", SortFilter},
    NamedFilter{"dictsort", DictSortFilter},
    NamedFilter{"unique", UniqueFilter},
    NamedFilter{"sum", SumFilter},
    NamedFilter{"min", MinFilter},
    NamedFilter{"max", MaxFilter},
    NamedFilter{"map", MapFilter},
    NamedFilter{"select", SelectFilter},
    NamedFilter{"reject", RejectFilter},
    NamedFilter{"selectattr", SelectAttrFilter},
    NamedFilter{"rejectattr", RejectAttrFilter},
};

}  // namespace

bool IsFilter(std::string_view name) {
  return std::ranges::find(kFilters, name, &NamedFilter::name) != kFilters.end();
}

Result<Value> ApplyFilter(std::string_view name, const Value& input, const Arguments& arguments,
                          Budget& budget) {
  const auto* filter = std::ranges::find(kFilters, name, &NamedFilter::name);
  QED_CHECK(filter != kFilters.end()) << "an unknown filter";
  Result<Value> result = filter->apply(input, arguments, budget);
  return result.ok() ? std::move(result) : result.status().WithPrefix(name);
}

}  // namespace qed::jinja
