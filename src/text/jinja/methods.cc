// Methods of strings, lists and dicts. None that changes its object: the sandbox
// in which `transformers` renders templates has none either.
#include <algorithm>
#include <array>
#include <optional>

#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/py_string.h"
#include "text/unicode.h"

namespace qed::jinja {
namespace {

using Method = Result<Value> (*)(const Value& self, const Arguments& arguments, Budget& budget);
struct NamedMethod {
  std::string_view name;
  bool (Value::*of_type)() const;
  Method call;
};

// An argument that must be a string; null where it is none or was not given.
Result<const std::string*> OptionalString(const Value& value) {
  if (value.is_undefined() || value.is_none()) return nullptr;
  if (!value.is_string()) {
    return InvalidArgument(std::string("wants a str, not ") + value.TypeName());
  }
  return &value.string();
}

Result<int64_t> OptionalInteger(const Value& value, int64_t otherwise) {
  if (value.is_undefined()) return otherwise;
  if (!value.is_int() && !value.is_bool()) {
    return InvalidArgument(std::string("wants an int, not ") + value.TypeName());
  }
  return value.integer();
}

Result<Value> ListOfStrings(const std::vector<std::string_view>& pieces, Budget& budget) {
  std::vector<Value> items;
  size_t bytes = pieces.size() * (sizeof(Value) + sizeof(std::string));
  for (std::string_view piece : pieces) bytes += piece.size();
  QED_RETURN_IF_ERROR(budget.Charge(bytes));
  for (std::string_view piece : pieces) items.emplace_back(std::string(piece));
  return MakeList(std::move(items));
}

template <Ends kEnds>
Result<Value> StripMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"chars"}));
  QED_ASSIGN_OR_RETURN(const std::string* chars, OptionalString(bound[0]));
  QED_RETURN_IF_ERROR(budget.Charge(self.string().size()));
  return Value(std::string(Strip(self.string(), chars, kEnds)));
}

template <auto kSplit>
Result<Value> SplitMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"sep", "maxsplit"}));
  QED_ASSIGN_OR_RETURN(const std::string* separator, OptionalString(bound[0]));
  QED_ASSIGN_OR_RETURN(const int64_t limit, OptionalInteger(bound[1], -1));
  if (separator != nullptr && separator->empty()) return InvalidArgument("an empty separator");
  return ListOfStrings(kSplit(self.string(), separator, limit), budget);
}

Result<Value> SplitLinesMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  return ListOfStrings(SplitLines(self.string()), budget);
}

template <auto kChange>
Result<Value> CaseMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  QED_RETURN_IF_ERROR(budget.Charge(self.string().size()));
  QED_ASSIGN_OR_RETURN(std::string text, kChange(self.string()));
  return Value(std::move(text));
}

// startswith and endswith: of a string, or any of a tuple of them.
template <bool kStart>
Result<Value> HasAffix(const Value& self, const Arguments& arguments, Budget&) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"affix"}, 1));
  const auto matches = [&](const Value& affix) -> Result<bool> {
    QED_ASSIGN_OR_RETURN(const std::string* text, OptionalString(affix));
    if (text == nullptr) return InvalidArgument("wants a str");
    return kStart ? self.string().starts_with(*text) : self.string().ends_with(*text);
  };
  const bool many = bound[0].is_list() && bound[0].list().is_tuple;
  if (!many) {
    QED_ASSIGN_OR_RETURN(const bool found, matches(bound[0]));
    return Value(found);
  }
  for (const Value& affix : bound[0].list().items) {
    QED_ASSIGN_OR_RETURN(const bool found, matches(affix));
    if (found) return Value(true);
  }
  return Value(false);
}

template <bool kStart>
Result<Value> RemoveAffix(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"affix"}, 1));
  QED_ASSIGN_OR_RETURN(const std::string* affix, OptionalString(bound[0]));
  QED_RETURN_IF_ERROR(budget.Charge(self.string().size()));
  std::string_view text = self.string();
  if (affix == nullptr) return InvalidArgument("wants a str");
  if (kStart && text.starts_with(*affix)) text.remove_prefix(affix->size());
  if (!kStart && text.ends_with(*affix)) text.remove_suffix(affix->size());
  return Value(std::string(text));
}

Result<Value> ReplaceMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  return ApplyFilter("replace", self, arguments, budget);
}

// The place of a piece, in characters; -1: not there.
template <bool kLast>
Result<Value> FindMethod(const Value& self, const Arguments& arguments, Budget&) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"sub"}, 1));
  QED_ASSIGN_OR_RETURN(const std::string* piece, OptionalString(bound[0]));
  if (piece == nullptr) return InvalidArgument("wants a str");
  const std::string& text = self.string();
  const size_t at = kLast ? text.rfind(*piece) : text.find(*piece);
  if (at == std::string::npos) return Value(int64_t{-1});
  return Value(CountChars(std::string_view(text).substr(0, at)));
}

Result<Value> CountMethod(const Value& self, const Arguments& arguments, Budget&) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"value"}, 1));
  if (self.is_list()) {
    return Value(static_cast<int64_t>(std::ranges::count_if(
        self.list().items, [&](const Value& item) { return Equal(item, bound[0]); })));
  }
  QED_ASSIGN_OR_RETURN(const std::string* piece, OptionalString(bound[0]));
  if (piece == nullptr || piece->empty()) return InvalidArgument("wants a str that is not empty");
  return Value(static_cast<int64_t>(Split(self.string(), piece, -1).size()) - 1);
}

Result<Value> JoinMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"iterable"}, 1));
  QED_ASSIGN_OR_RETURN(const auto items, Iterate(bound[0], budget));
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_string()) {
      return InvalidArgument(std::string("join wants strings, not ") + items[i].TypeName());
    }
    QED_RETURN_IF_ERROR(budget.Charge(self.string().size() + items[i].string().size()));
    if (i > 0) out += self.string();
    out += items[i].string();
  }
  return Value(std::move(out));
}

Result<Value> IsDigitMethod(const Value& self, const Arguments& arguments, Budget&) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  const std::string& text = self.string();
  return Value(!text.empty() &&
               std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }));
}

Result<Value> KeysMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  QED_ASSIGN_OR_RETURN(auto keys, Iterate(self, budget));
  return MakeList(std::move(keys));
}

Result<Value> ValuesMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  std::vector<Value> values;
  for (const auto& entry : self.dict().entries) values.push_back(entry.second);
  QED_RETURN_IF_ERROR(budget.Charge(values.size() * sizeof(Value)));
  return MakeList(std::move(values));
}

Result<Value> ItemsMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  return ApplyFilter("items", self, arguments, budget);
}

Result<Value> GetMethod(const Value& self, const Arguments& arguments, Budget&) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"key", "default"}, 1));
  const Value* found = bound[0].is_string() ? self.dict().Find(bound[0].string()) : nullptr;
  if (found != nullptr) return *found;
  return bound[1].is_undefined() ? Value() : bound[1];
}

// loop.cycle(a, b): the arguments in turn.
Result<Value> CycleMethod(const Value& self, const Arguments& arguments, Budget&) {
  const Value* index = self.dict().Find("index0");
  if (index == nullptr || !index->is_int() || arguments.positional.empty()) {
    return InvalidArgument("cycle wants a loop and something to choose from");
  }
  return arguments.positional[static_cast<size_t>(index->integer()) % arguments.positional.size()];
}

constexpr std::array kMethods = {
    NamedMethod{"strip", &Value::is_string, StripMethod<Ends::kBoth>},
    NamedMethod{"lstrip", &Value::is_string, StripMethod<Ends::kLeft>},
    NamedMethod{"rstrip", &Value::is_string, StripMethod<Ends::kRight>},
    NamedMethod{"split", &Value::is_string, SplitMethod<Split>},
    NamedMethod{"rsplit", &Value::is_string, SplitMethod<RSplit>},
    NamedMethod{"splitlines", &Value::is_string, SplitLinesMethod},
    NamedMethod{"upper", &Value::is_string, CaseMethod<Upper>},
    NamedMethod{"lower", &Value::is_string, CaseMethod<Lower>},
    NamedMethod{"title", &Value::is_string, CaseMethod<Title>},
    NamedMethod{"capitalize", &Value::is_string, CaseMethod<Capitalize>},
    NamedMethod{"startswith", &Value::is_string, HasAffix<true>},
    NamedMethod{"endswith", &Value::is_string, HasAffix<false>},
    NamedMethod{"removeprefix", &Value::is_string, RemoveAffix<true>},
    NamedMethod{"removesuffix", &Value::is_string, RemoveAffix<false>},
    NamedMethod{"replace", &Value::is_string, ReplaceMethod},
    NamedMethod{"find", &Value::is_string, FindMethod<false>},
    NamedMethod{"rfind", &Value::is_string, FindMethod<true>},
    NamedMethod{"count", &Value::is_string, CountMethod},
    NamedMethod{"count", &Value::is_list, CountMethod},
    NamedMethod{"join", &Value::is_string, JoinMethod},
    NamedMethod{"isdigit", &Value::is_string, IsDigitMethod},
    NamedMethod{"keys", &Value::is_dict, KeysMethod},
    NamedMethod{"values", &Value::is_dict, ValuesMethod},
    NamedMethod{"items", &Value::is_dict, ItemsMethod},
    NamedMethod{"get", &Value::is_dict, GetMethod},
    NamedMethod{"cycle", &Value::is_dict, CycleMethod},
};

}  // namespace

bool IsMethod(std::string_view name) {
  return std::ranges::find(kMethods, name, &NamedMethod::name) != kMethods.end();
}

Result<Value> CallMethod(std::string_view name, const Value& self, const Arguments& arguments,
                         Budget& budget) {
  for (const NamedMethod& method : kMethods) {
    if (method.name != name || !(self.*method.of_type)()) continue;
    Result<Value> result = method.call(self, arguments, budget);
    return result.ok() ? std::move(result) : result.status().WithPrefix(name);
  }
  return NotFound(std::string("a value of type ") + self.TypeName() + " has no method " +
                  std::string(name));
}

}  // namespace qed::jinja
