// What passes between the GPU's operations: element types, and the two forms of a
// matrix of activations. Host code that compiles anywhere: pointers are the
// device's and only handed on.
#ifndef QED_KERNELS_CUDA_TYPES_H_
#define QED_KERNELS_CUDA_TYPES_H_

#include <cstdint>

namespace qed::cuda {

// The bits of a bfloat16 and of an FP8 E4M3 (tensor/eight_bit.h).
struct BFloat16 {
  uint16_t bits;
};
struct Fp8 {
  uint8_t code;
};

// A product as a linear leaves it (kernels/cuda/linear.h). What it stands for is
//   (data[t, n] * row_scales[t] * column_scales[n]) + bias[n]
// and each part but data may be null: the operation that reads the product applies
// them, in f32, so that neither costs a pass over memory of its own.
struct Product {
  BFloat16* data = nullptr;              // [T, N], rows contiguous
  const float* row_scales = nullptr;     // [T]
  const float* column_scales = nullptr;  // [N]
  const float* bias = nullptr;           // [N]
};

enum class ActivationFormat : uint8_t {
  kBF16,
  kFp8,  // E4M3; value[t, k] = code[t, k] * scales[t]
};

// What a linear reads. Where the format is kFp8 and static_scale is null, the
// operation that writes the row finds its scale: largest magnitude / 448. Where
// it is not null, the row's scale is *static_scale and what is beyond saturates.
struct Activations {
  ActivationFormat format = ActivationFormat::kBF16;
  BFloat16* bf16 = nullptr;             // [T, K]
  Fp8* fp8 = nullptr;                   // [T, K]
  float* scales = nullptr;              // [T], written with each row
  const float* static_scale = nullptr;  // one float on the device
};

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_TYPES_H_
