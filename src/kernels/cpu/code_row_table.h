// The loops over codes of one instruction set, as plain functions.
#ifndef QED_KERNELS_CPU_CODE_ROW_TABLE_H_
#define QED_KERNELS_CPU_CODE_ROW_TABLE_H_

#include <cstdint>

namespace qed {

struct CodeRowKernels {
  float (*largest)(const float* values, int64_t n);
  void (*fp8)(const float* values, int64_t n, float scale, uint8_t* codes);
  void (*int8)(const float* values, int64_t n, float scale, uint8_t* codes);
  void (*fp8_error)(const float* values, const uint8_t* codes, int64_t n, float scale,
                    double* error, double* size);
  void (*int8_error)(const float* values, const uint8_t* codes, int64_t n, float scale,
                     double* error, double* size);
};

const CodeRowKernels& PortableCodeRows();
const CodeRowKernels& Avx2CodeRows();
const CodeRowKernels& Avx512CodeRows();

}  // namespace qed

#endif  // QED_KERNELS_CPU_CODE_ROW_TABLE_H_
