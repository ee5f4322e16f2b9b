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
  const int64_t size = static_cast<int64_t>(sequence.is_string() ? sequence.string().size()
                                                                 : sequence.list().items.size());
  if (times <= 0 || size == 0) times = 0;
  int64_t work = 0;
  if (__builtin_mul_overflow(sequence.Breadth(), times, &work)) work = kMaxWeight;
  QED_RETURN_IF_ERROR(budget.Work(work));
  if (sequence.is_string()) {
    TextBuilder out(budget);
    for (int64_t i = 0; i < times; ++i) out.Add(sequence);
    return out.Finish();
  }
  ListBuilder out(budget);
  for (int64_t i = 0; i < times; ++i) {
    for (const Value& item : sequence.list().items) out.Add(item);
  }
  return out.Finish(sequence.list().is_tuple);
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

Status IsUndefined(const Value& value) {
  return InvalidArgument("\"" + value.undefined_name() + "\" is undefined");
}

// The character at the index; undefined: out of range.
Value CharAt(const std::string& text, int64_t index) {
  size_t begin = 0;
  if (index < 0) {
    for (begin = text.size(); begin > 0 && index < 0; ++index) begin = PreviousChar(text, begin);
    if (index < 0) return Value::MakeUndefined("an item");
  }
  for (; begin < text.size() && index > 0; --index) begin += DecodeUtf8(text, begin).length;
  if (begin == text.size()) return Value::MakeUndefined("an item");
  return Value(text.substr(begin, DecodeUtf8(text, begin).length));
}

Result<Value> SliceText(const std::string& text, const Value& start, const Value& stop,
                        const Value& step, Budget& budget) {
  QED_RETURN_IF_ERROR(budget.Make(text.size() * (sizeof(uint32_t) + sizeof(size_t))));
  std::vector<uint32_t> begins;  // of the characters
  begins.reserve(text.size());
  ForEachChar(text, [&](std::string_view c) {
    begins.push_back(static_cast<uint32_t>(c.data() - text.data()));
  });
  QED_ASSIGN_OR_RETURN(const auto indices, SliceIndices(start, stop, step, begins.size()));
  TextBuilder out(budget);
  for (size_t index : indices) {
    const size_t end = index + 1 < begins.size() ? begins[index + 1] : text.size();
    out.Add(std::string_view(text).substr(begins[index], end - begins[index]));
  }
  return out.Finish();
}

}  // namespace

Result<Items> Items::Of(const Value& value, Budget& budget) {
  if (value.is_list()) return Items(value);
  QED_RETURN_IF_ERROR(budget.Work(value.Breadth()));
  std::vector<Value> items;
  if (value.is_dict()) {
    for (const auto& entry : value.dict().entries()) {
      QED_ASSIGN_OR_RETURN(Value key, MakeText(entry.first, budget));
      items.push_back(std::move(key));
    }
  } else if (value.is_string()) {
    // Every character becomes a text.
    QED_RETURN_IF_ERROR(budget.Work(value.Breadth() * 16));
    QED_RETURN_IF_ERROR(budget.Make(value.string().size() * (kTextBytes + sizeof(Value))));
    ForEachChar(value.string(), [&](std::string_view c) { items.emplace_back(std::string(c)); });
  } else if (!value.is_undefined()) {
    return InvalidArgument(std::string("a value of type ") + value.TypeName() +
                           " has nothing to loop over");
  }
  return Items(std::move(items));
}

Result<Value> GetAttribute(const Value& value, std::string_view name, Budget& budget) {
  if (value.is_undefined()) return IsUndefined(value);
  QED_RETURN_IF_ERROR(budget.Work(kValueWeight + static_cast<int64_t>(name.size())));
  const Dict* dict = value.is_dict()        ? &value.dict()
                     : value.is_namespace() ? &value.ns().dict
                                            : nullptr;
  const Value* found = dict != nullptr ? dict->Find(name) : nullptr;
  return found != nullptr ? *found : Value::MakeUndefined(std::string(name.substr(0, 100)));
}

Result<Value> GetItem(const Value& value, const Value& key, Budget& budget) {
  if (key.is_string() || value.is_undefined()) {
    return GetAttribute(value, key.is_string() ? std::string_view(key.string()) : "", budget);
  }
  if (!key.is_int() && !key.is_bool()) return Value::MakeUndefined("an item");
  if (value.is_list()) {
    const int64_t index = Position(key.integer(), value.list().items.size());
    return index < 0 ? Value::MakeUndefined("an item")
                     : value.list().items[static_cast<size_t>(index)];
  }
  if (!value.is_string()) return Value::MakeUndefined("an item");
  QED_RETURN_IF_ERROR(budget.Work(value.Breadth()));
  QED_RETURN_IF_ERROR(budget.Make(kTextBytes));
  return CharAt(value.string(), key.integer());
}

Result<Value> GetSlice(const Value& value, const Value& start, const Value& stop, const Value& step,
                       Budget& budget) {
  if (value.is_undefined()) return IsUndefined(value);
  QED_RETURN_IF_ERROR(budget.Work(value.Breadth()));
  if (value.is_string()) return SliceText(value.string(), start, stop, step, budget);
  if (!value.is_list()) {
    return InvalidArgument(std::string("a slice of a ") + value.TypeName());
  }
  const List& list = value.list();
  QED_ASSIGN_OR_RETURN(const auto indices, SliceIndices(start, stop, step, list.items.size()));
  ListBuilder out(budget);
  for (size_t index : indices) out.Add(list.items[index]);
  return out.Finish(list.is_tuple);
}

Result<Value> ApplyBinary(std::string_view op, const Value& a, const Value& b, Budget& budget) {
  for (const Value* operand : {&a, &b}) {
    if (operand->is_undefined()) return IsUndefined(*operand);
  }
  if (a.is_number() && b.is_number()) {
    if (a.is_float() || b.is_float()) return ComputeFloats(op, a.number(), b.number());
    return ComputeIntegers(op, a.integer(), b.integer());
  }
  const auto is_sequence = [](const Value& v) { return v.is_string() || v.is_list(); };
  const auto is_integer = [](const Value& v) { return v.is_int() || v.is_bool(); };
  if (op == "*" && is_sequence(a) && is_integer(b)) return Repeat(a, b.integer(), budget);
  if (op == "*" && is_integer(a) && is_sequence(b)) return Repeat(b, a.integer(), budget);
  QED_RETURN_IF_ERROR(budget.Work(a.Breadth() + b.Breadth()));
  if (op == "+" && a.is_string() && b.is_string()) {
    TextBuilder out(budget);
    out.Add(a);
    out.Add(b);
    return out.Finish();
  }
  if (op == "+" && a.is_list() && b.is_list() && a.list().is_tuple == b.list().is_tuple) {
    ListBuilder out(budget);
    for (const Value* part : {&a, &b}) {
      for (const Value& item : part->list().items) out.Add(item);
    }
    return out.Finish(a.list().is_tuple);
  }
  return BadOperands(op, a, b);
}

}  // namespace qed::jinja
