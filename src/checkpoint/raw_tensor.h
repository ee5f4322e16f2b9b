// A tensor as a file's own table names it, before the names mean anything.
#ifndef QED_CHECKPOINT_RAW_TENSOR_H_
#define QED_CHECKPOINT_RAW_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "tensor/dtype.h"

namespace qed {

struct RawTensor {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;       // row-major: shape[0] is the slowest
  std::span<const std::byte> data;  // inside the bytes that were parsed; may be unaligned
};

// Bytes of a tensor. kCorrupt where a dimension is below 1, the fastest one is
// not whole blocks, or the size overflows.
Result<uint64_t> TensorBytes(DType dtype, std::span<const int64_t> shape);

// Text of a file made fit for a one-line message: short, printable ASCII.
std::string Printable(std::string_view text);

// "[49152, 576]"
std::string ShapeText(std::span<const int64_t> shape);

}  // namespace qed

#endif  // QED_CHECKPOINT_RAW_TENSOR_H_
