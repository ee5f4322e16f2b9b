// What a template computes with: Python's values, as far as chat templates go.
#ifndef QED_TEXT_JINJA_VALUE_H_
#define QED_TEXT_JINJA_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"
#include "nlohmann/json_fwd.hpp"

namespace qed::jinja {

// Deepest nesting of lists and dicts: what recursion over a value may cost.
inline constexpr int kMaxValueDepth = 64;

// What looking at one value costs beside a byte of a text (Value::Weight).
inline constexpr int64_t kValueWeight = 8;
// Weights end here: a list that holds one list twice, which holds another twice,
// and so on, weighs more than a number can say.
inline constexpr int64_t kMaxWeight = int64_t{1} << 48;

class Budget;
struct Callable;
class Dict;
struct List;
struct Namespace;

struct Undefined {
  std::string name;  // for messages
};

// Immutable but for namespaces; copies share what they hold.
class Value {
 public:
  Value() : data_(nullptr) {}  // none
  explicit Value(bool value) : data_(value) {}
  explicit Value(int64_t value) : data_(value) {}
  explicit Value(double value) : data_(value) {}
  explicit Value(std::string value)
      : data_(std::make_shared<const std::string>(std::move(value))) {}
  explicit Value(std::shared_ptr<const List> value) : data_(std::move(value)) {}
  explicit Value(std::shared_ptr<const Dict> value) : data_(std::move(value)) {}
  explicit Value(std::shared_ptr<Namespace> value) : data_(std::move(value)) {}
  explicit Value(std::shared_ptr<const Callable> value) : data_(std::move(value)) {}
  static Value MakeUndefined(std::string name);

  bool is_undefined() const { return Holds<std::shared_ptr<const Undefined>>(); }
  bool is_none() const { return Holds<std::nullptr_t>(); }
  bool is_bool() const { return Holds<bool>(); }
  bool is_int() const { return Holds<int64_t>(); }  // not bool, though Python's is
  bool is_float() const { return Holds<double>(); }
  bool is_number() const { return is_bool() || is_int() || is_float(); }
  bool is_string() const { return Holds<std::shared_ptr<const std::string>>(); }
  bool is_list() const { return Holds<std::shared_ptr<const List>>(); }  // or tuple
  bool is_dict() const { return Holds<std::shared_ptr<const Dict>>(); }
  bool is_namespace() const { return Holds<std::shared_ptr<Namespace>>(); }
  bool is_callable() const { return Holds<std::shared_ptr<const Callable>>(); }

  // REQUIRES: the kind that the name says.
  bool boolean() const { return std::get<bool>(data_); }
  int64_t integer() const;  // of an int or a bool
  double number() const;    // of any number
  const std::string& string() const { return *std::get<std::shared_ptr<const std::string>>(data_); }
  const List& list() const { return *std::get<std::shared_ptr<const List>>(data_); }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(data_); }
  Namespace& ns() const { return *std::get<std::shared_ptr<Namespace>>(data_); }
  const Callable& callable() const { return *std::get<std::shared_ptr<const Callable>>(data_); }
  const std::string& undefined_name() const {
    return std::get<std::shared_ptr<const Undefined>>(data_)->name;
  }

  // What looking at all of it costs, in bytes of a text: as deep as it goes, and
  // what it holds several times as often. Known without looking.
  int64_t Weight() const;
  // What looking once at its items, keys or characters costs.
  int64_t Breadth() const;

  bool Truthy() const;
  // Python's name of the type: "str", "list", "Undefined".
  const char* TypeName() const;

 private:
  template <typename T>
  bool Holds() const {
    return std::holds_alternative<T>(data_);
  }

  std::variant<std::nullptr_t, bool, int64_t, double, std::shared_ptr<const std::string>,
               std::shared_ptr<const List>, std::shared_ptr<const Dict>, std::shared_ptr<Namespace>,
               std::shared_ptr<const Callable>, std::shared_ptr<const Undefined>>
      data_;
};

struct List {
  std::vector<Value> items;
  bool is_tuple = false;
  int depth = 1;
  int64_t weight = kValueWeight;
};

// In the order of insertion; keys are strings.
class Dict {
 public:
  const std::vector<std::pair<std::string, Value>>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  int depth() const { return depth_; }
  int64_t weight() const { return weight_; }

  const Value* Find(std::string_view key) const;
  void Set(std::string_view key, Value value);
  void Clear();

 private:
  // Where the key stands; -1: nowhere.
  ptrdiff_t IndexOf(std::string_view key) const;

  std::vector<std::pair<std::string, Value>> entries_;
  std::map<std::string, size_t, std::less<>> index_;  // of all entries, once they are many
  int depth_ = 1;
  int64_t weight_ = kValueWeight;
};

// What {% set ns.x = ... %} can change. May hold itself: whoever makes
// namespaces clears them in the end.
struct Namespace {
  Dict dict;
};

// Values that a template makes, at the budget's expense. Errors: nested deeper
// than kMaxValueDepth, a budget that is used up.
Result<Value> MakeText(std::string_view text, Budget& budget);
Result<Value> MakeList(std::vector<Value> items, Budget& budget, bool is_tuple = false);
Result<Value> MakeDict(Dict dict, Budget& budget);
Result<Value> FromJson(const nlohmann::ordered_json& json, Budget& budget);

// Comparisons. Their work is at most the lesser weight of the two, for Contains
// the sum of the weights: the caller pays it (budget.h).
//
// Python's ==. Lists and dicts by content, namespaces and callables by identity.
bool Equal(const Value& a, const Value& b);
// Python's <; an error names the two types that have no order.
Result<bool> Less(const Value& a, const Value& b);
// Python's `item in container`.
Result<bool> Contains(const Value& container, const Value& item);

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_VALUE_H_
