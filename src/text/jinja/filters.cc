#include "text/jinja/filters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/print.h"
#include "text/jinja/py_string.h"

namespace qed::jinja {
namespace {

// The input as text: its own, or what is printed into `storage`.
Result<std::string_view> Text(const Value& input, Budget& budget, std::string& storage) {
  if (input.is_string()) return std::string_view(input.string());
  TextBuilder out(budget);
  QED_RETURN_IF_ERROR(PrintValue(input, out));
  QED_ASSIGN_OR_RETURN(storage, out.Take());
  return std::string_view(storage);
}

Result<Value> Trim(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"chars"}));
  std::string storage;
  QED_ASSIGN_OR_RETURN(const std::string_view text, Text(input, budget, storage));
  const bool blanks = bound[0].is_undefined() || bound[0].is_none();
  if (!blanks && !bound[0].is_string()) return InvalidArgument("wants a str");
  const std::string* chars = blanks ? nullptr : &bound[0].string();
  return MakeText(Strip(text, chars, Ends::kBoth), budget);
}

template <auto kChange>
Result<Value> ChangeCase(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  std::string storage;
  QED_ASSIGN_OR_RETURN(const std::string_view text, Text(input, budget, storage));
  TextBuilder out(budget);
  QED_RETURN_IF_ERROR(kChange(text, out));
  return out.Finish();
}

Result<Value> Length(const Value& input, const Arguments& arguments, Budget&) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  if (input.is_undefined()) return Value(int64_t{0});
  if (input.is_string()) return Value(CountChars(input.string()));
  if (input.is_list()) return Value(static_cast<int64_t>(input.list().items.size()));
  if (input.is_dict()) return Value(static_cast<int64_t>(input.dict().size()));
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
  std::string storage;
  QED_ASSIGN_OR_RETURN(const std::string_view separator, Text(bound[0], budget, storage));
  QED_ASSIGN_OR_RETURN(const Items items, Items::Of(input, budget));
  TextBuilder out(budget);
  for (size_t i = 0; i < items.size(); ++i) {
    Value item = items[i];
    if (!bound[1].is_undefined()) {
      QED_ASSIGN_OR_RETURN(item, GetAttributePath(item, bound[1], budget));
    }
    if (i > 0) out.Add(separator);
    QED_RETURN_IF_ERROR(PrintValue(item, out));
  }
  return out.Finish();
}

Result<Value> ReplaceFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"old", "new", "count"}, 2));
  std::string storage, from_storage, to_storage;
  QED_ASSIGN_OR_RETURN(const std::string_view text, Text(input, budget, storage));
  QED_ASSIGN_OR_RETURN(const std::string_view from, Text(bound[0], budget, from_storage));
  QED_ASSIGN_OR_RETURN(const std::string_view to, Text(bound[1], budget, to_storage));
  const bool all = bound[2].is_undefined() || bound[2].is_none();
  if (!all && !bound[2].is_int()) return InvalidArgument("wants a whole count");
  TextBuilder out(budget);
  Replace(text, from, to, all ? -1 : bound[2].integer(), out);
  return out.Finish();
}

Result<Value> StringFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  if (input.is_string()) return input;
  TextBuilder out(budget);
  QED_RETURN_IF_ERROR(PrintValue(input, out));
  return out.Finish();
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
  std::string storage;
  QED_ASSIGN_OR_RETURN(const std::string_view text, Text(input, budget, storage));
  std::string margin(4, ' ');
  if (bound[0].is_string()) {
    margin = bound[0].string();
  } else if (bound[0].is_int()) {
    if (bound[0].integer() > 1000) return InvalidArgument("a width above 1000");
    margin.assign(static_cast<size_t>(std::max<int64_t>(0, bound[0].integer())), ' ');
  } else if (!bound[0].is_undefined()) {
    return InvalidArgument("wants a width");
  }
  TextBuilder out(budget);
  IndentLines(text, margin, bound[1].Truthy(), bound[2].Truthy(), out);
  return out.Finish();
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
  TextBuilder out(budget);
  QED_RETURN_IF_ERROR(PrintJson(input, format, out));
  return out.Finish();
}

using Filter = Result<Value> (*)(const Value& input, const Arguments& arguments, Budget& budget);
struct NamedFilter {
  std::string_view name;
  Filter apply;
  Cost cost;
};
constexpr std::array kFilters = {
    NamedFilter{"trim", Trim, Cost::kDepth},
    NamedFilter{"upper", ChangeCase<Upper>, Cost::kDepth},
    NamedFilter{"lower", ChangeCase<Lower>, Cost::kDepth},
    NamedFilter{"capitalize", ChangeCase<Capitalize>, Cost::kDepth},
    NamedFilter{"title", ChangeCase<TitleWords>, Cost::kDepth},
    NamedFilter{"length", Length, Cost::kBreadth},
    NamedFilter{"count", Length, Cost::kBreadth},
    NamedFilter{"default", Default, Cost::kGlance},
    NamedFilter{"d", Default, Cost::kGlance},
    NamedFilter{"join", Join, Cost::kDepth},
    NamedFilter{"replace", ReplaceFilter, Cost::kDepth},
    NamedFilter{"string", StringFilter, Cost::kDepth},
    NamedFilter{"int", Int, Cost::kBreadth},
    NamedFilter{"float", Float, Cost::kBreadth},
    NamedFilter{"abs", Abs, Cost::kGlance},
    NamedFilter{"indent", Indent, Cost::kDepth},
    NamedFilter{"safe", Same, Cost::kGlance},
    NamedFilter{"tojson", ToJsonFilter, Cost::kSort},
    NamedFilter{"list", ListFilter, Cost::kBreadth},
    NamedFilter{"items", ItemsFilter, Cost::kBreadth},
    NamedFilter{"first", FirstFilter, Cost::kGlance},
    NamedFilter{"last", LastFilter, Cost::kGlance},
    NamedFilter{"reverse", ReverseFilter, Cost::kBreadth},
    NamedFilter{"sort", SortFilter, Cost::kSort},
    NamedFilter{"dictsort", DictSortFilter, Cost::kSort},
    NamedFilter{"unique", UniqueFilter, Cost::kEachPair},
    NamedFilter{"sum", SumFilter, Cost::kEach},
    NamedFilter{"min", MinFilter, Cost::kSort},
    NamedFilter{"max", MaxFilter, Cost::kSort},
    NamedFilter{"map", MapFilter, Cost::kEach},
    NamedFilter{"select", SelectFilter, Cost::kEach},
    NamedFilter{"reject", RejectFilter, Cost::kEach},
    NamedFilter{"selectattr", SelectAttrFilter, Cost::kEach},
    NamedFilter{"rejectattr", RejectAttrFilter, Cost::kEach},
};

}  // namespace

bool IsFilter(std::string_view name) {
  return std::ranges::find(kFilters, name, &NamedFilter::name) != kFilters.end();
}

std::vector<std::string_view> FilterNames() {
  std::vector<std::string_view> names;
  for (const NamedFilter& filter : kFilters) names.push_back(filter.name);
  return names;
}

Result<Value> ApplyFilter(std::string_view name, const Value& input, const Arguments& arguments,
                          Budget& budget) {
  const auto* filter = std::ranges::find(kFilters, name, &NamedFilter::name);
  QED_CHECK(filter != kFilters.end()) << "an unknown filter";
  QED_RETURN_IF_ERROR(budget.Work(WorkOf(filter->cost, input, arguments)));
  Result<Value> result = filter->apply(input, arguments, budget);
  return result.ok() ? std::move(result) : result.status().WithPrefix(name);
}

Status Print(const Value& value, Budget& budget, TextBuilder& out) {
  QED_RETURN_IF_ERROR(budget.Work(value.Weight()));
  return PrintValue(value, out);
}

}  // namespace qed::jinja
