// The filters, tests, methods and functions that templates may use. Whoever
// carries one out has paid for it (budget.h): the functions below do both.
#ifndef QED_TEXT_JINJA_BUILTINS_H_
#define QED_TEXT_JINJA_BUILTINS_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/jinja/budget.h"
#include "text/jinja/value.h"

namespace qed::jinja {

bool IsFilter(std::string_view name);
bool IsTest(std::string_view name);
bool IsMethod(std::string_view name);
bool IsFunction(std::string_view name);  // the interpreter has them
// All of them, for tests that go through all.
std::vector<std::string_view> FilterNames();
std::vector<std::string_view> TestNames();
std::vector<std::string_view> MethodNames();

// REQUIRES: the name is known. Errors: arguments or values that the builtin
// cannot use, and a budget that is used up.
Result<Value> ApplyFilter(std::string_view name, const Value& input, const Arguments& arguments,
                          Budget& budget);
Result<bool> ApplyTest(std::string_view name, const Value& input, const Arguments& arguments,
                       Budget& budget);
// kNotFound: the value's type has no such method.
Result<Value> CallMethod(std::string_view name, const Value& self, const Arguments& arguments,
                         Budget& budget);
// str() of a value, added to `out`.
Status Print(const Value& value, Budget& budget, TextBuilder& out);

// What a loop over a value sees: items, keys or characters. Those of a list are
// the list's own.
class Items {
 public:
  static Result<Items> Of(const Value& value, Budget& budget);
  explicit Items(std::vector<Value> items) : made_(std::move(items)), view_(made_) {}
  Items(Items&&) = default;  // what the view shows stays where it is
  Items& operator=(Items&&) = default;
  Items(const Items&) = delete;
  Items& operator=(const Items&) = delete;

  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  const Value& operator[](size_t index) const { return view_[index]; }
  auto begin() const { return view_.begin(); }
  auto end() const { return view_.end(); }

 private:
  explicit Items(const Value& list) : list_(list), view_(list_.list().items) {}
  Value list_;
  std::vector<Value> made_;
  std::span<const Value> view_;
};

// value[key], and value.key for what is not a method; undefined where there is none.
Result<Value> GetItem(const Value& value, const Value& key, Budget& budget);
Result<Value> GetAttribute(const Value& value, std::string_view name, Budget& budget);
// value[start:stop:step]; none for what is left out.
Result<Value> GetSlice(const Value& value, const Value& start, const Value& stop, const Value& step,
                       Budget& budget);
// a + b, a - b and so on: Python's arithmetic, of 64 bits.
Result<Value> ApplyBinary(std::string_view op, const Value& a, const Value& b, Budget& budget);

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_BUILTINS_H_
