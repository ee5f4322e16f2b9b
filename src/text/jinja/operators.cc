// Items, slices, loops and arithmetic.
#include <algorithm>
#include <cmath>

#include "text/jinja/builtins.h"
#include "text/jinja/py_string.h"

namespace qed::jinja {
namespace {

Status BadOperands(std::string_view op, const Value& a, const Value& b) {
  return InvalidArgument("cannot compute " + std::string(a.TypeName()) + " " + std::string(op) +
                         " " + b.TypeName());
}

// "x[-1]" counts from the end. -1: out of range.
int64_t Position(int64_t index, size_t size) {
  const auto length = static_cast<int64_t>(size);
  if (index < 0) index += length;
  return index < 0 || index >= length ? -1 : index;
}

// Python's // and %: the quotient is rounded down.
Result<Value> DivideIntegers(std::string_view op, int64_t a, int64_t b) {
  if (b == 0) return InvalidArgument("division by zero");
  if (a == INT64_MIN && b == -1) return InvalidArgument("a number of more than 64 bits");
  const int64_t quotient = a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
  return Value(op == "//" ? quotient : a - quotient * b);
}

Result<Value> PowerOfIntegers(int64_t base, int64_t exponent) {
  if (exponent < 0)
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  int64_t result = 1;
  for (; exponent > 0; --exponent) {
    if (base == 0 || base == 1) return Value(base);
    if (base == -1) return Value(exponent % 2 == 0 ? result : -result);
    if (__builtin_mul_overflow(result, base, &result)) {
      return InvalidArgument("a number of more than 64 bits");
    }
  }
  return Value(result);
}

Result<Value> ComputeIntegers(std::string_view op, int64_t a, int64_t b) {
  if (op == "/") {
    if (b == 0) return InvalidArgument("division by zero");
    return Value(static_cast<double>(a) / static_cast<double>(b));
  }
  if (op == "//" || op == "%") return DivideIntegers(op, a, b);
  if (op == "**") return PowerOfIntegers(a, b);
  int64_t result = 0;
  const bool overflow = op == "+"   ? __builtin_add_overflow(a, b, &result)
                        : op == "-" ? __builtin_sub_overflow(a, b, &result)
                                    : __builtin_mul_overflow(a, b, &result);
  if (overflow) return InvalidArgument("a number of more than 64 bits");
  return Value(result);
}

Result<Value> ComputeFloats(std::string_view op, double a, double b) {
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (op == "**") return Value(std::pow(a, b));
  if (b == 0) return InvalidArgument("division by zero");
  if (op == "/") return Value(a / b);
  const double quotient = std::floor(a / b);
  return Value(op == "//" ? quotient : a - quotient * b);
}

Result<Value> Repeat(const Value& sequence, int64_t times, Budget& budget) {
  const size_t size = sequence.is_string() ? sequence.string().size()
                                           : sequence.list().items.size() * sizeof(Value);
  if (times <= 0 || size == 0) times = 0;
  if (times > Budget::kMaxBytes) return ResourceExhausted("a sequence repeated too often");
  QED_RETURN_IF_ERROR(budget.Charge(size * static_cast<size_t>(times)));
  if (sequence.is_string()) {
    std::string out;
    for (int64_t i = 0; i < times; ++i) out += sequence.string();
    return Value(std::move(out));
  }
  std::vector<Value> items;
  const List& list = sequence.list();
  for (int64_t i = 0; i < times; ++i) {
    items.insert(items.end(), list.items.begin(), list.items.end());
  }
  return MakeList(std::move(items), list.is_tuple);
}

// What a slice takes of `size` items, in order.
Result<std::vector<size_t>> SliceIndices(const Value& start, const Value& stop, const Value& step,
                                         size_t size) {
  const auto is_absent = [](const Value& v) { return v.is_none(); };
  for (const Value* part : {&start, &stop, &step}) {
    if (!is_absent(*part) && !part->is_int() && !part->is_bool()) {
      return InvalidArgument(std::string("a slice with a ") + part->TypeName());
    }
  }
  const auto length = static_cast<int64_t>(size);
  const int64_t by = is_absent(step) ? 1 : step.integer();
  if (by == 0) return InvalidArgument("a slice with step zero");
  // Ends before the first or behind the last item are moved there.
  const auto clamp = [&](const Value& part, int64_t absent) {
    if (is_absent(part)) return absent;
    const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? length : length - 1;
    int64_t index = part.integer();
    if (index < 0) index = index < -length ? low : index + length;
    return std::clamp(index, low, high);
  };
  const int64_t first = clamp(start, by > 0 ? 0 : length - 1);
  const int64_t end = clamp(stop, by > 0 ? length : -1);
  std::vector<size_t> indices;
  const int64_t stride = std::clamp(by, -length - 1, length + 1);
  for (int64_t i = first; by > 0 ? i < end : i > end; i += stride) {
    indices.push_back(static_cast<size_t>(i));
  }
  return indices;
}

}  // namespace

Result<std::vector<Value>> Iterate(const Value& value, Budget& budget) {
  std::vector<Value> items;
  if (value.is_list()) {
    items = value.list().items;
  } else if (value.is_dict()) {
    for (const auto& entry : value.dict().entries) items.emplace_back(entry.first);
  } else if (value.is_string()) {
    QED_RETURN_IF_ERROR(budget.Charge(value.string().size() * sizeof(Value)));
    for (std::string_view c : SplitChars(value.string())) items.emplace_back(std::string(c));
  } else if (!value.is_undefined()) {
    return InvalidArgument(std::string("a value of type ") + value.TypeName() +
                           " has nothing to loop over");
  }
  QED_RETURN_IF_ERROR(budget.Charge(items.size() * sizeof(Value)));
  return items;
}

Result<Value> GetItem(const Value& value, const Value& key) {
  if (value.is_undefined()) {
    return InvalidArgument("\"" + value.undefined_name() + "\" is undefined");
  }
  const auto undefined = [&] {
    return Value::MakeUndefined(key.is_string() ? key.string() : "an item");
  };
  if (value.is_dict() || value.is_namespace()) {
    const Dict& dict = value.is_dict() ? value.dict() : value.ns().dict;
    const Value* found = key.is_string() ? dict.Find(key.string()) : nullptr;
    return found != nullptr ? *found : undefined();
  }
  if (!key.is_int() && !key.is_bool()) return undefined();
  if (value.is_list()) {
    const int64_t index = Position(key.integer(), value.list().items.size());
    return index < 0 ? undefined() : value.list().items[static_cast<size_t>(index)];
  }
  if (value.is_string()) {
    const std::vector<std::string_view> chars = SplitChars(value.string());
    const int64_t index = Position(key.integer(), chars.size());
    return index < 0 ? undefined() : Value(std::string(chars[static_cast<size_t>(index)]));
  }
  return undefined();
}

Result<Value> GetSlice(const Value& value, const Value& start, const Value& stop, const Value& step,
                       Budget& budget) {
  if (value.is_string()) {
    QED_RETURN_IF_ERROR(budget.Charge(value.string().size()));
    const std::vector<std::string_view> chars = SplitChars(value.string());
    QED_ASSIGN_OR_RETURN(const auto indices, SliceIndices(start, stop, step, chars.size()));
    std::string out;
    for (size_t index : indices) out += chars[index];
    return Value(std::move(out));
  }
  if (value.is_undefined()) {
    return InvalidArgument("\"" + value.undefined_name() + "\" is undefined");
  }
  if (!value.is_list()) {
    return InvalidArgument(std::string("a slice of a ") + value.TypeName());
  }
  const List& list = value.list();
  QED_ASSIGN_OR_RETURN(const auto indices, SliceIndices(start, stop, step, list.items.size()));
  QED_RETURN_IF_ERROR(budget.Charge(indices.size() * sizeof(Value)));
  std::vector<Value> items;
  for (size_t index : indices) items.push_back(list.items[index]);
  return MakeList(std::move(items), list.is_tuple);
}

Result<Value> ApplyBinary(std::string_view op, const Value& a, const Value& b, Budget& budget) {
  for (const Value* operand : {&a, &b}) {
    if (operand->is_undefined()) {
      return InvalidArgument("\"" + operand->undefined_name() + "\" is undefined");
    }
  }
  if (a.is_number() && b.is_number()) {
    if (a.is_float() || b.is_float()) return ComputeFloats(op, a.number(), b.number());
    return ComputeIntegers(op, a.integer(), b.integer());
  }
  if (op == "+" && a.is_string() && b.is_string()) {
    QED_RETURN_IF_ERROR(budget.Charge(a.string().size() + b.string().size()));
    return Value(a.string() + b.string());
  }
  if (op == "+" && a.is_list() && b.is_list() && a.list().is_tuple == b.list().is_tuple) {
    std::vector<Value> items = a.list().items;
    items.insert(items.end(), b.list().items.begin(), b.list().items.end());
    QED_RETURN_IF_ERROR(budget.Charge(items.size() * sizeof(Value)));
    return MakeList(std::move(items), a.list().is_tuple);
  }
  const auto is_sequence = [](const Value& v) { return v.is_string() || v.is_list(); };
  const auto is_integer = [](const Value& v) { return v.is_int() || v.is_bool(); };
  if (op == "*" && is_sequence(a) && is_integer(b)) return Repeat(a, b.integer(), budget);
  if (op == "*" && is_integer(a) && is_sequence(b)) return Repeat(b, a.integer(), budget);
  return BadOperands(op, a, b);
}

}  // namespace qed::jinja
