#include "kernels/code_rows.h"

#include "base/check.h"
#include "kernels/cpu/cpu_kernels.h"

namespace qed {

float LargestOfRow(Isa isa, std::span<const float> values) {
  return CpuKernelsFor(isa).code_rows.largest(values.data(), static_cast<int64_t>(values.size()));
}

void CodeRow(Isa isa, WeightFormat format, std::span<const float> values, float scale,
             std::span<std::byte> codes) {
  QED_CHECK_EQ(values.size(), codes.size());
  QED_CHECK(format == WeightFormat::kFp8 || format == WeightFormat::kInt8);
  const CodeRowKernels& kernels = CpuKernelsFor(isa).code_rows;
  (format == WeightFormat::kFp8 ? kernels.fp8 : kernels.int8)(
      values.data(), static_cast<int64_t>(values.size()), scale,
      reinterpret_cast<uint8_t*>(codes.data()));
}

CodeError MeasureCodeRow(Isa isa, WeightFormat format, std::span<const float> values,
                         std::span<const std::byte> codes, float scale) {
  QED_CHECK_EQ(values.size(), codes.size());
  QED_CHECK(format == WeightFormat::kFp8 || format == WeightFormat::kInt8);
  const CodeRowKernels& kernels = CpuKernelsFor(isa).code_rows;
  CodeError found;
  (format == WeightFormat::kFp8 ? kernels.fp8_error : kernels.int8_error)(
      values.data(), reinterpret_cast<const uint8_t*>(codes.data()),
      static_cast<int64_t>(values.size()), scale, &found.error, &found.size);
  return found;
}

}  // namespace qed
