// Element types of tensors, as they lie in files and in memory.
#ifndef QED_TENSOR_DTYPE_H_
#define QED_TENSOR_DTYPE_H_

#include <cstdint>
#include <string_view>

namespace qed {

enum class DType : uint8_t {
  kF32,
  kF16,
  kBF16,
  kI8,
  kI16,
  kI32,
  kI64,
  kU8,
  kF8E4M3,  // tensor/eight_bit.h; as a weight it comes with a scale
  kQ8_0,    // block formats of GGUF: tensor/quant_format.h
  kQ4_0,
  kQ4_1,
  kQ4_K,
  kQ6_K,
};

// "F32", "Q4_1", ...
std::string_view DTypeName(DType dtype);

// Values of one block: 1 for plain types, 32 or 256 for block formats.
int64_t BlockValues(DType dtype);

// Bytes of one block: the element size for plain types.
int64_t BlockBytes(DType dtype);

}  // namespace qed

#endif  // QED_TENSOR_DTYPE_H_
