// What one rendering may cost, and who pays for what.
//
// A template comes with a checkpoint and its data with a request: neither is
// trusted. So every operation is paid for before it is carried out, by the size
// of what it will look at: each filter, test and method says with a Cost how much
// of its operands that is, and every value knows its own size (Value::Weight). A
// dearer operation is refused, not cut off half-way. What operations make is
// made by MakeText, MakeList and MakeDict (value.h) and by the builders here,
// which pay for its memory as it grows.
#ifndef QED_TEXT_JINJA_BUDGET_H_
#define QED_TEXT_JINJA_BUDGET_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/jinja/value.h"

namespace qed::jinja {

// A unit of work is about what it takes to look at one byte of a text: a few
// nanoseconds. Bytes are those of all values ever made.
struct RenderLimits {
  int64_t work = 125'000'000;
  int64_t bytes = int64_t{128} << 20;
};

// Work of evaluating one node of the tree, beside what the operation in it costs,
// and of one round of a loop or one call of a macro.
inline constexpr int64_t kStepWork = 25;
inline constexpr int64_t kScopeWork = 300;

// Memory of a text beside its bytes, and of a dict's entry beside its key and value.
inline constexpr size_t kTextBytes = 80;
inline constexpr size_t kEntryBytes = 160;

class Budget {
 public:
  explicit Budget(const RenderLimits& limits = {})
      : work_left_(limits.work), bytes_left_(limits.bytes) {}

  // Pay, before the work is done or the memory is taken. kResourceExhausted where
  // there is not enough left, and from then on always.
  Status Work(int64_t units);
  Status Make(size_t bytes);

 private:
  int64_t work_left_;
  int64_t bytes_left_;
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// How much of its input and its arguments an operation looks at.
enum class Cost {
  kGlance,    // their types and sizes
  kBreadth,   // the items, keys or characters of each, once
  kDepth,     // everything in them, once
  kCompare,   // the input beside one argument, until they differ
  kSort,      // everything in the input, as often as sorting compares it
  kEachPair,  // every item of the input beside every other
  kEach,      // all arguments, for every item of the input
};
int64_t WorkOf(Cost cost, const Value& input, const Arguments& arguments);

// A text that grows at the budget's expense. When that is used up, nothing more
// is added, and Finish says so.
class TextBuilder {
 public:
  explicit TextBuilder(Budget& budget) : budget_(budget) {}

  void Add(std::string_view text);
  void Add(size_t count, char c);
  void Add(const Value& text) { Add(std::string_view(text.string())); }
  // The text, which is taken out.
  Result<std::string> Take();
  Result<Value> Finish();

 private:
  Budget& budget_;
  Status refusal_;
  std::string text_;
};

// The same for a list.
class ListBuilder {
 public:
  explicit ListBuilder(Budget& budget) : budget_(budget) {}

  void Add(Value item);
  void AddText(std::string_view text);
  void Reverse();
  Result<Value> Finish(bool is_tuple = false);

 private:
  Budget& budget_;
  Status refusal_;
  std::vector<Value> items_;
};

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_BUDGET_H_
