#include "kernels/code_rows.h"

#include "base/check.h"
#include "kernels/cpu/code_row_kernels.h"

namespace qed {

const CodeRowKernels& PortableCodeRows() { return kCodeRowKernels; }

namespace {

const CodeRowKernels& KernelsFor(Isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::kAvx512Bf16:
    case Isa::kAvx512:
      return Avx512CodeRows();
    case Isa::kAvx2:
      return Avx2CodeRows();
    case Isa::kPortable:
      break;
  }
#endif
  QED_CHECK(isa == Isa::kPortable) << IsaName(isa);
  return PortableCodeRows();
}

}  // namespace

float LargestOfRow(Isa isa, std::span<const float> values) {
  return KernelsFor(isa).largest(values.data(), static_cast<int64_t>(values.size()));
}

void CodeRow(Isa isa, WeightFormat format, std::span<const float> values, float scale,
             std::span<std::byte> codes) {
  QED_CHECK_EQ(values.size(), codes.size());
  QED_CHECK(format == WeightFormat::kFp8 || format == WeightFormat::kInt8);
  const CodeRowKernels& kernels = KernelsFor(isa);
  (format == WeightFormat::kFp8 ? kernels.fp8 : kernels.int8)(
      values.data(), static_cast<int64_t>(values.size()), scale,
      reinterpret_cast<uint8_t*>(codes.data()));
}

CodeError MeasureCodeRow(Isa isa, WeightFormat format, std::span<const float> values,
                         std::span<const std::byte> codes, float scale) {
  QED_CHECK_EQ(values.size(), codes.size());
  QED_CHECK(format == WeightFormat::kFp8 || format == WeightFormat::kInt8);
  const CodeRowKernels& kernels = KernelsFor(isa);
  CodeError found;
  (format == WeightFormat::kFp8 ? kernels.fp8_error : kernels.int8_error)(
      values.data(), reinterpret_cast<const uint8_t*>(codes.data()),
      static_cast<int64_t>(values.size()), scale, &found.error, &found.size);
  return found;
}

}  // namespace qed
