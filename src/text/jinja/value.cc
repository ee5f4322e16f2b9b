#include "text/jinja/value.h"

#include <algorithm>
#include <cmath>

#include "nlohmann/json.hpp"
#include "text/jinja/budget.h"
#include "text/jinja/py_string.h"

namespace qed::jinja {
namespace {

Status TooDeep() {
  return ResourceExhausted("a value nested deeper than " + std::to_string(kMaxValueDepth) +
                           " levels");
}

// From here on a dict has an index of its keys.
constexpr size_t kIndexedEntries = 16;

int64_t AddWeights(int64_t a, int64_t b) { return std::min(a + b, kMaxWeight); }

int DepthOf(const Value& value) {
  if (value.is_list()) return value.list().depth;
  if (value.is_dict()) return value.dict().depth();
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
  if (a.size() != b.size()) return false;
  return std::ranges::all_of(a.entries(), [&](const auto& entry) {
    const Value* other = b.Find(entry.first);
    return other != nullptr && Equal(entry.second, *other);
  });
}

}  // namespace

Value Value::MakeUndefined(std::string name) {
  Value value;
  constexpr size_t kMaxNameInMessages = 100;
  if (name.size() > kMaxNameInMessages) name.resize(kMaxNameInMessages);
  value.data_ = std::make_shared<const Undefined>(Undefined{std::move(name)});
  return value;
}

int64_t Value::integer() const { return is_bool() ? int64_t{boolean()} : std::get<int64_t>(data_); }

double Value::number() const {
  return is_float() ? std::get<double>(data_) : static_cast<double>(integer());
}

int64_t Value::Weight() const {
  if (is_list()) return list().weight;
  if (is_dict()) return dict().weight();
  return Breadth();
}

int64_t Value::Breadth() const {
  if (is_string()) return kValueWeight + static_cast<int64_t>(string().size());
  const size_t items = is_list() ? list().items.size() : is_dict() ? dict().size() : 0;
  return kValueWeight * static_cast<int64_t>(items + 1);
}

bool Value::Truthy() const {
  if (is_none() || is_undefined()) return false;
  if (is_number()) return number() != 0;
  if (is_string()) return !string().empty();
  if (is_list()) return !list().items.empty();
  if (is_dict()) return dict().size() > 0;
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

ptrdiff_t Dict::IndexOf(std::string_view key) const {
  if (!index_.empty()) {
    const auto found = index_.find(key);
    return found == index_.end() ? -1 : static_cast<ptrdiff_t>(found->second);
  }
  const auto found = std::ranges::find(entries_, key, &std::pair<std::string, Value>::first);
  return found == entries_.end() ? -1 : found - entries_.begin();
}

const Value* Dict::Find(std::string_view key) const {
  const ptrdiff_t index = IndexOf(key);
  return index < 0 ? nullptr : &entries_[static_cast<size_t>(index)].second;
}

void Dict::Set(std::string_view key, Value value) {
  depth_ = std::max(depth_, 1 + DepthOf(value));
  const ptrdiff_t index = IndexOf(key);
  if (index >= 0) {
    Value& old = entries_[static_cast<size_t>(index)].second;
    // Of a weight that has met its end nobody knows what is without the old value.
    if (weight_ < kMaxWeight) weight_ = AddWeights(weight_ - old.Weight(), value.Weight());
    old = std::move(value);
    return;
  }
  weight_ = AddWeights(weight_, kValueWeight + static_cast<int64_t>(key.size()) + value.Weight());
  entries_.emplace_back(std::string(key), std::move(value));
  if (entries_.size() < kIndexedEntries) return;
  const size_t first = index_.empty() ? 0 : entries_.size() - 1;
  for (size_t i = first; i < entries_.size(); ++i) index_.emplace(entries_[i].first, i);
}

void Dict::Clear() { *this = Dict(); }

Result<Value> MakeText(std::string_view text, Budget& budget) {
  QED_RETURN_IF_ERROR(budget.Make(kTextBytes + text.size()));
  return Value(std::string(text));
}

Result<Value> MakeList(std::vector<Value> items, Budget& budget, bool is_tuple) {
  QED_RETURN_IF_ERROR(budget.Make(sizeof(List) + items.size() * sizeof(Value)));
  List list;
  for (const Value& item : items) {
    list.depth = std::max(list.depth, 1 + DepthOf(item));
    list.weight = AddWeights(list.weight, item.Weight());
  }
  if (list.depth > kMaxValueDepth) return TooDeep();
  list.items = std::move(items);
  list.is_tuple = is_tuple;
  return Value(std::make_shared<const List>(std::move(list)));
}

Result<Value> MakeDict(Dict dict, Budget& budget) {
  const size_t entry = dict.size() < kIndexedEntries ? sizeof(dict.entries()[0]) : kEntryBytes;
  QED_RETURN_IF_ERROR(budget.Make(sizeof(Dict) + dict.size() * entry));
  if (dict.depth() > kMaxValueDepth) return TooDeep();
  return Value(std::make_shared<const Dict>(std::move(dict)));
}

Result<Value> FromJson(const nlohmann::ordered_json& json, Budget& budget) {
  QED_RETURN_IF_ERROR(budget.Work(kValueWeight));
  if (json.is_null() || json.is_discarded()) return Value();
  if (json.is_boolean()) return Value(json.get<bool>());
  if (json.is_number_unsigned() && json.get<uint64_t>() > INT64_MAX) {
    return Value(json.get<double>());
  }
  if (json.is_number_integer()) return Value(json.get<int64_t>());
  if (json.is_number()) return Value(json.get<double>());
  if (json.is_string()) return MakeText(json.get_ref<const std::string&>(), budget);
  if (json.is_array()) {
    std::vector<Value> items;
    items.reserve(json.size());
    for (const auto& element : json) {
      QED_ASSIGN_OR_RETURN(Value item, FromJson(element, budget));
      items.push_back(std::move(item));
    }
    return MakeList(std::move(items), budget);
  }
  if (!json.is_object()) return InvalidArgument("binary data in JSON");
  Dict dict;
  for (const auto& [key, element] : json.items()) {
    QED_ASSIGN_OR_RETURN(Value item, FromJson(element, budget));
    dict.Set(key, std::move(item));
  }
  return MakeDict(std::move(dict), budget);
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
    return FindPiece(container.string(), item.string()) != std::string::npos;
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
