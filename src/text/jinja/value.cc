#include "text/jinja/value.h"

#include <algorithm>
#include <cmath>

#include "nlohmann/json.hpp"

namespace qed::jinja {
namespace {

Status TooDeep() {
  return ResourceExhausted("a value nested deeper than " + std::to_string(kMaxValueDepth) +
                           " levels");
}

int DepthOf(const Value& value) {
  if (value.is_list()) return value.list().depth;
  if (value.is_dict()) return value.dict().depth;
  return 0;
}

bool SameIdentity(const Value& a, const Value& b) {
  if (a.is_namespace() && b.is_namespace()) return &a.ns() == &b.ns();
  if (a.is_callable() && b.is_callable()) return &a.callable() == &b.callable();
  return false;
}

bool EqualLists(const List& a, const List& b) {
  return a.is_tuple == b.is_tuple && a.items.size() == b.items.size() &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), Equal);
}

bool EqualDicts(const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::ranges::all_of(a.entries, [&](const auto& entry) {
    const Value* other = b.Find(entry.first);
    return other != nullptr && Equal(entry.second, *other);
  });
}

}  // namespace

Value Value::MakeUndefined(std::string name) {
  Value value;
  value.data_ = std::make_shared<const Undefined>(Undefined{std::move(name)});
  return value;
}

int64_t Value::integer() const { return is_bool() ? int64_t{boolean()} : std::get<int64_t>(data_); }

double Value::number() const {
  return is_float() ? std::get<double>(data_) : static_cast<double>(integer());
}

bool Value::Truthy() const {
  if (is_none() || is_undefined()) return false;
  if (is_number()) return number() != 0;
  if (is_string()) return !string().empty();
  if (is_list()) return !list().items.empty();
  if (is_dict()) return !dict().entries.empty();
  return true;
}

const char* Value::TypeName() const {
  if (is_none()) return "NoneType";
  if (is_undefined()) return "Undefined";
  if (is_bool()) return "bool";
  if (is_int()) return "int";
  if (is_float()) return "float";
  if (is_string()) return "str";
  if (is_list()) return list().is_tuple ? "tuple" : "list";
  if (is_dict()) return "dict";
  if (is_namespace()) return "Namespace";
  return "function";
}

const Value* Dict::Find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name == key) return &value;
  }
  return nullptr;
}

void Dict::Set(std::string key, Value value) {
  depth = std::max(depth, 1 + DepthOf(value));
  for (auto& [name, old] : entries) {
    if (name != key) continue;
    old = std::move(value);
    return;
  }
  entries.emplace_back(std::move(key), std::move(value));
}

Result<Value> MakeList(std::vector<Value> items, bool is_tuple) {
  List list;
  for (const Value& item : items) list.depth = std::max(list.depth, 1 + DepthOf(item));
  if (list.depth > kMaxValueDepth) return TooDeep();
  list.items = std::move(items);
  list.is_tuple = is_tuple;
  return Value(std::make_shared<const List>(std::move(list)));
}

Result<Value> MakeDict(Dict dict) {
  if (dict.depth > kMaxValueDepth) return TooDeep();
  return Value(std::make_shared<const Dict>(std::move(dict)));
}

Result<Value> FromJson(const nlohmann::ordered_json& json) {
  if (json.is_null() || json.is_discarded()) return Value();
  if (json.is_boolean()) return Value(json.get<bool>());
  if (json.is_number_unsigned() && json.get<uint64_t>() > INT64_MAX) {
    return Value(json.get<double>());
  }
  if (json.is_number_integer()) return Value(json.get<int64_t>());
  if (json.is_number()) return Value(json.get<double>());
  if (json.is_string()) return Value(json.get<std::string>());
  if (json.is_array()) {
    std::vector<Value> items;
    items.reserve(json.size());
    for (const auto& element : json) {
      QED_ASSIGN_OR_RETURN(Value item, FromJson(element));
      items.push_back(std::move(item));
    }
    return MakeList(std::move(items));
  }
  if (!json.is_object()) return InvalidArgument("binary data in JSON");
  Dict dict;
  for (const auto& [key, element] : json.items()) {
    QED_ASSIGN_OR_RETURN(Value item, FromJson(element));
    dict.Set(key, std::move(item));
  }
  return MakeDict(std::move(dict));
}

bool Equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (!a.is_float() && !b.is_float()) return a.integer() == b.integer();
    return a.number() == b.number();
  }
  if (a.is_string() && b.is_string()) return a.string() == b.string();
  if (a.is_list() && b.is_list()) return EqualLists(a.list(), b.list());
  if (a.is_dict() && b.is_dict()) return EqualDicts(a.dict(), b.dict());
  if (a.is_none() || a.is_undefined()) {
    return a.is_none() == b.is_none() && a.is_undefined() == b.is_undefined();
  }
  return SameIdentity(a, b);
}

Result<bool> Less(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (!a.is_float() && !b.is_float()) return a.integer() < b.integer();
    return a.number() < b.number();
  }
  // Bytes of UTF-8 are ordered as their characters are.
  if (a.is_string() && b.is_string()) return a.string() < b.string();
  if (a.is_list() && b.is_list() && a.list().is_tuple == b.list().is_tuple) {
    const auto &x = a.list().items, &y = b.list().items;
    for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
      if (!Equal(x[i], y[i])) return Less(x[i], y[i]);
    }
    return x.size() < y.size();
  }
  return InvalidArgument(std::string("no order between ") + a.TypeName() + " and " + b.TypeName());
}

Result<bool> Contains(const Value& container, const Value& item) {
  if (container.is_undefined()) return false;
  if (container.is_string()) {
    if (!item.is_string()) {
      return InvalidArgument(std::string("\"in\" a str wants a str, not ") + item.TypeName());
    }
    return container.string().find(item.string()) != std::string::npos;
  }
  if (container.is_list()) {
    return std::ranges::any_of(container.list().items,
                               [&](const Value& value) { return Equal(value, item); });
  }
  if (container.is_dict()) {
    return item.is_string() && container.dict().Find(item.string()) != nullptr;
  }
  return InvalidArgument(std::string("nothing can be \"in\" a ") + container.TypeName());
}

}  // namespace qed::jinja
