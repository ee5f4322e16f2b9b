#include "tensor/dtype.h"

#include "base/check.h"

namespace qed {
namespace {

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  int64_t block_values;
  int64_t block_bytes;
};

constexpr DTypeInfo kInfos[] = {
    {DType::kF32, "F32", 1, 4},        {DType::kF16, "F16", 1, 2},
    {DType::kBF16, "BF16", 1, 2},      {DType::kI8, "I8", 1, 1},
    {DType::kI16, "I16", 1, 2},        {DType::kI32, "I32", 1, 4},
    {DType::kI64, "I64", 1, 8},        {DType::kU8, "U8", 1, 1},
    {DType::kF8E4M3, "F8_E4M3", 1, 1}, {DType::kQ8_0, "Q8_0", 32, 34},
    {DType::kQ4_0, "Q4_0", 32, 18},    {DType::kQ4_1, "Q4_1", 32, 20},
    {DType::kQ4_K, "Q4_K", 256, 144},  {DType::kQ6_K, "Q6_K", 256, 210},
};

const DTypeInfo& InfoOf(DType dtype) {
  for (const DTypeInfo& info : kInfos) {
    if (info.dtype == dtype) return info;
  }
  QED_CHECK(false) << "unknown dtype " << static_cast<int>(dtype);
  return kInfos[0];
}

}  // namespace

std::string_view DTypeName(DType dtype) { return InfoOf(dtype).name; }
int64_t BlockValues(DType dtype) { return InfoOf(dtype).block_values; }
int64_t BlockBytes(DType dtype) { return InfoOf(dtype).block_bytes; }

}  // namespace qed
