// Methods of strings, lists and dicts. None that changes its object: the sandbox
// in which `transformers` renders templates has none either.
#include <algorithm>
#include <array>
#include <optional>

#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/py_string.h"

namespace qed::jinja {
namespace {

using Method = Result<Value> (*)(const Value& self, const Arguments& arguments, Budget& budget);
struct NamedMethod {
  std::string_view name;
  bool (Value::*of_type)() const;
  Method call;
  Cost cost;
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

template <Ends kEnds>
Result<Value> StripMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"chars"}));
  QED_ASSIGN_OR_RETURN(const std::string* chars, OptionalString(bound[0]));
  return MakeText(Strip(self.string(), chars, kEnds), budget);
}

template <auto kSplit>
Result<Value> SplitMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"sep", "maxsplit"}));
  QED_ASSIGN_OR_RETURN(const std::string* separator, OptionalString(bound[0]));
  QED_ASSIGN_OR_RETURN(const int64_t limit, OptionalInteger(bound[1], -1));
  if (separator != nullptr && separator->empty()) return InvalidArgument("an empty separator");
  ListBuilder out(budget);
  kSplit(self.string(), separator, std::max<int64_t>(limit, -1), out);
  return out.Finish();
}

Result<Value> SplitLinesMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  ListBuilder out(budget);
  SplitLines(self.string(), out);
  return out.Finish();
}

template <auto kChange>
Result<Value> CaseMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  TextBuilder out(budget);
  QED_RETURN_IF_ERROR(kChange(self.string(), out));
  return out.Finish();
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
  std::string_view text = self.string();
  if (affix == nullptr) return InvalidArgument("wants a str");
  if (kStart && text.starts_with(*affix)) text.remove_prefix(affix->size());
  if (!kStart && text.ends_with(*affix)) text.remove_suffix(affix->size());
  return MakeText(text, budget);
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
  const size_t at = kLast ? FindLastPiece(text, *piece) : FindPiece(text, *piece);
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
  return Value(CountPieces(self.string(), *piece));
}

Result<Value> JoinMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"iterable"}, 1));
  QED_ASSIGN_OR_RETURN(const Items items, Items::Of(bound[0], budget));
  TextBuilder out(budget);
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_string()) {
      return InvalidArgument(std::string("join wants strings, not ") + items[i].TypeName());
    }
    if (i > 0) out.Add(self);
    out.Add(items[i]);
  }
  return out.Finish();
}

Result<Value> IsDigitMethod(const Value& self, const Arguments& arguments, Budget&) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  const std::string& text = self.string();
  return Value(!text.empty() &&
               std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }));
}

Result<Value> KeysMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  return ApplyFilter("list", self, arguments, budget);
}

Result<Value> ValuesMethod(const Value& self, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  ListBuilder values(budget);
  for (const auto& entry : self.dict().entries()) values.Add(entry.second);
  return values.Finish();
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
    NamedMethod{"strip", &Value::is_string, StripMethod<Ends::kBoth>, Cost::kDepth},
    NamedMethod{"lstrip", &Value::is_string, StripMethod<Ends::kLeft>, Cost::kDepth},
    NamedMethod{"rstrip", &Value::is_string, StripMethod<Ends::kRight>, Cost::kDepth},
    NamedMethod{"split", &Value::is_string, SplitMethod<Split>, Cost::kDepth},
    NamedMethod{"rsplit", &Value::is_string, SplitMethod<RSplit>, Cost::kDepth},
    NamedMethod{"splitlines", &Value::is_string, SplitLinesMethod, Cost::kDepth},
    NamedMethod{"upper", &Value::is_string, CaseMethod<Upper>, Cost::kDepth},
    NamedMethod{"lower", &Value::is_string, CaseMethod<Lower>, Cost::kDepth},
    NamedMethod{"title", &Value::is_string, CaseMethod<Title>, Cost::kDepth},
    NamedMethod{"capitalize", &Value::is_string, CaseMethod<Capitalize>, Cost::kDepth},
    NamedMethod{"startswith", &Value::is_string, HasAffix<true>, Cost::kDepth},
    NamedMethod{"endswith", &Value::is_string, HasAffix<false>, Cost::kDepth},
    NamedMethod{"removeprefix", &Value::is_string, RemoveAffix<true>, Cost::kDepth},
    NamedMethod{"removesuffix", &Value::is_string, RemoveAffix<false>, Cost::kDepth},
    NamedMethod{"replace", &Value::is_string, ReplaceMethod, Cost::kDepth},
    NamedMethod{"find", &Value::is_string, FindMethod<false>, Cost::kDepth},
    NamedMethod{"rfind", &Value::is_string, FindMethod<true>, Cost::kDepth},
    NamedMethod{"count", &Value::is_string, CountMethod, Cost::kDepth},
    NamedMethod{"count", &Value::is_list, CountMethod, Cost::kDepth},
    NamedMethod{"join", &Value::is_string, JoinMethod, Cost::kDepth},
    NamedMethod{"isdigit", &Value::is_string, IsDigitMethod, Cost::kDepth},
    NamedMethod{"keys", &Value::is_dict, KeysMethod, Cost::kBreadth},
    NamedMethod{"values", &Value::is_dict, ValuesMethod, Cost::kBreadth},
    NamedMethod{"items", &Value::is_dict, ItemsMethod, Cost::kBreadth},
    NamedMethod{"get", &Value::is_dict, GetMethod, Cost::kBreadth},
    NamedMethod{"cycle", &Value::is_dict, CycleMethod, Cost::kGlance},
};

}  // namespace

bool IsMethod(std::string_view name) {
  return std::ranges::find(kMethods, name, &NamedMethod::name) != kMethods.end();
}

std::vector<std::string_view> MethodNames() {
  std::vector<std::string_view> names;
  for (const NamedMethod& method : kMethods) names.push_back(method.name);
  return names;
}

Result<Value> CallMethod(std::string_view name, const Value& self, const Arguments& arguments,
                         Budget& budget) {
  for (const NamedMethod& method : kMethods) {
    if (method.name != name || !(self.*method.of_type)()) continue;
    QED_RETURN_IF_ERROR(budget.Work(WorkOf(method.cost, self, arguments)));
    Result<Value> result = method.call(self, arguments, budget);
    return result.ok() ? std::move(result) : result.status().WithPrefix(name);
  }
  return NotFound(std::string("a value of type ") + self.TypeName() + " has no method " +
                  std::string(name));
}

}  // namespace qed::jinja
