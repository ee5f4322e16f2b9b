#include "text/jinja/budget.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace qed::jinja {
namespace {

Status TooMuch(const char* what) {
  return ResourceExhausted(std::string("the chat template takes too much ") + what);
}

// a * b, at most what no budget can pay.
int64_t Times(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<int64_t>::max() / 4 : product;
}

template <typename Size>
int64_t SumOf(const Arguments& arguments, Size size) {
  int64_t sum = 0;
  for (const Value& value : arguments.positional) sum += size(value);
  for (const auto& [name, value] : arguments.named) sum += size(value);
  return sum;
}

int64_t Weigh(const Value& value) { return value.Weight(); }
int64_t Span(const Value& value) { return value.Breadth(); }

}  // namespace

Status Budget::Work(int64_t units) {
  if (units > work_left_) {
    work_left_ = -1;
    return TooMuch("time");
  }
  work_left_ -= units;
  return OkStatus();
}

Status Budget::Make(size_t bytes) {
  if (bytes_left_ < 0 || bytes > static_cast<size_t>(bytes_left_)) {
    bytes_left_ = -1;
    return TooMuch("memory");
  }
  bytes_left_ -= static_cast<int64_t>(bytes);
  return OkStatus();
}

int64_t WorkOf(Cost cost, const Value& input, const Arguments& arguments) {
  const int64_t items = input.Breadth() / kValueWeight;
  switch (cost) {
    case Cost::kGlance:
      return kValueWeight;
    case Cost::kBreadth:
      return input.Breadth() + SumOf(arguments, Span);
    case Cost::kDepth:
      return input.Weight() + SumOf(arguments, Weigh);
    case Cost::kCompare:
      return std::min(input.Weight(), SumOf(arguments, Weigh));
    case Cost::kSort:
      return Times(input.Weight(), std::bit_width(static_cast<uint64_t>(items))) +
             Times(items, SumOf(arguments, Weigh));
    case Cost::kEachPair:
      return Times(items, input.Weight() + SumOf(arguments, Weigh));
    case Cost::kEach:
      return Times(items, kStepWork + SumOf(arguments, Weigh));
  }
  return 0;
}

void TextBuilder::Add(std::string_view text) {
  if (refusal_.ok()) refusal_ = budget_.Make(text.size());
  if (refusal_.ok()) text_ += text;
}

void TextBuilder::Add(size_t count, char c) {
  if (refusal_.ok()) refusal_ = budget_.Make(count);
  if (refusal_.ok()) text_.append(count, c);
}

Result<std::string> TextBuilder::Take() {
  if (!refusal_.ok()) return refusal_;
  return std::move(text_);
}

Result<Value> TextBuilder::Finish() {
  QED_RETURN_IF_ERROR(budget_.Make(kTextBytes));
  QED_ASSIGN_OR_RETURN(std::string text, Take());
  return Value(std::move(text));
}

void ListBuilder::Add(Value item) {
  if (refusal_.ok()) refusal_ = budget_.Make(sizeof(Value));
  if (refusal_.ok()) items_.push_back(std::move(item));
}

void ListBuilder::AddText(std::string_view text) {
  if (refusal_.ok()) refusal_ = budget_.Make(kTextBytes + text.size());
  if (refusal_.ok()) Add(Value(std::string(text)));
}

void ListBuilder::Reverse() { std::ranges::reverse(items_); }

Result<Value> ListBuilder::Finish(bool is_tuple) {
  QED_RETURN_IF_ERROR(refusal_);
  return MakeList(std::move(items_), budget_, is_tuple);
}

}  // namespace qed::jinja
