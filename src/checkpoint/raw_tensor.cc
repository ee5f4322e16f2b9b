#include "checkpoint/raw_tensor.h"

namespace qed {
namespace {

constexpr size_t kMaxShownLength = 80;

}  // namespace

Result<uint64_t> TensorBytes(DType dtype, std::span<const int64_t> shape) {
  const uint64_t block_values = static_cast<uint64_t>(BlockValues(dtype));
  uint64_t blocks = static_cast<uint64_t>(BlockBytes(dtype));
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 1) return Corrupt("impossible shape " + ShapeText(shape));
    uint64_t factor = static_cast<uint64_t>(shape[i]);
    if (i + 1 == shape.size()) {
      if (factor % block_values != 0) {
        return Corrupt("rows of " + std::to_string(factor) + " values are not whole " +
                       std::string(DTypeName(dtype)) + " blocks of " +
                       std::to_string(block_values));
      }
      factor /= block_values;
    }
    if (__builtin_mul_overflow(blocks, factor, &blocks)) {
      return Corrupt("impossible shape " + ShapeText(shape));
    }
  }
  return blocks;
}

std::string Printable(std::string_view text) {
  std::string shown(text.substr(0, kMaxShownLength));
  for (char& c : shown) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return text.size() > kMaxShownLength ? shown + "..." : shown;
}

std::string ShapeText(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace qed
