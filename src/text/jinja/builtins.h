// The filters, tests, methods and functions that templates may use.
#ifndef QED_TEXT_JINJA_BUILTINS_H_
#define QED_TEXT_JINJA_BUILTINS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/jinja/value.h"

namespace qed::jinja {

// What one rendering may cost. A template comes with a checkpoint, and its data
// with a request: neither is trusted.
class Budget {
 public:
  static constexpr int64_t kMaxSteps = 5'000'000;
  static constexpr int64_t kMaxBytes = int64_t{256} << 20;  // of all values ever made

  Status Step() { return ++steps_ <= kMaxSteps ? OkStatus() : TooMuch("steps"); }
  Status Charge(size_t bytes) {
    bytes_ += static_cast<int64_t>(bytes);
    return bytes_ <= kMaxBytes ? OkStatus() : TooMuch("memory");
  }

 private:
  static Status TooMuch(const char* what) {
    return ResourceExhausted(std::string("the chat template takes too much of ") + what);
  }
  int64_t steps_ = 0;
  int64_t bytes_ = 0;
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

bool IsFilter(std::string_view name);
bool IsTest(std::string_view name);
bool IsMethod(std::string_view name);
bool IsFunction(std::string_view name);  // the interpreter has them

// REQUIRES: the name is known. Errors: arguments or values that the builtin
// cannot use, and a budget that is used up.
Result<Value> ApplyFilter(std::string_view name, const Value& input, const Arguments& arguments,
                          Budget& budget);
Result<bool> ApplyTest(std::string_view name, const Value& input, const Arguments& arguments);
// kNotFound: the value's type has no such method.
Result<Value> CallMethod(std::string_view name, const Value& self, const Arguments& arguments,
                         Budget& budget);

// What a loop over the value sees: items, keys or characters.
Result<std::vector<Value>> Iterate(const Value& value, Budget& budget);
// value[key], and value.key for what is not a method; undefined where there is none.
Result<Value> GetItem(const Value& value, const Value& key);
// value[start:stop:step]; null pointers are left out.
Result<Value> GetSlice(const Value& value, const Value& start, const Value& stop, const Value& step,
                       Budget& budget);
// a + b, a - b and so on: Python's arithmetic, of 64 bits.
Result<Value> ApplyBinary(std::string_view op, const Value& a, const Value& b, Budget& budget);

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_BUILTINS_H_
