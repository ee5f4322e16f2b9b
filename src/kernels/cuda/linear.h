// y = x * W^T on the GPU: cuBLASLt's algorithms, chosen by timing, and for int8 weights
// the two of kernels/cuda/int8_linear.h.
//
// A linear gives a Product (kernels/cuda/types.h): where scales are not applied by
// the multiplication itself, whoever reads the product applies them. FP8 products
// accumulate as the tensor cores do when asked to be fast, everything else in f32.
#ifndef QED_KERNELS_CUDA_LINEAR_H_
#define QED_KERNELS_CUDA_LINEAR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/status.h"
#include "cuda/stream.h"
#include "kernels/cuda/types.h"
#include "tensor/weight_recipe.h"

namespace qed::cuda {

// N rows (outputs) by K columns (inputs), row-major, on the device: kBF16, kFp8 with a
// scale a row and activations in FP8, or kInt8 with a scale a row and activations in
// bfloat16. Does not own.
struct DeviceWeight {
  WeightFormat format = WeightFormat::kBF16;
  int32_t n = 0;  // multiples of 16 but for kBF16: of 8
  int32_t k = 0;
  const std::byte* data = nullptr;  // 256-byte aligned
  const float* scales = nullptr;    // [N], for kFp8 and kInt8
  // Of kFp8, one float on the device: the scale of all activations; null: each token's own.
  const float* input_scale = nullptr;
};

enum class OutputFormat : uint8_t { kBF16, kF32 };

inline constexpr ActivationFormat ActivationsFor(WeightFormat format) {
  return format == WeightFormat::kFp8 ? ActivationFormat::kFp8 : ActivationFormat::kBF16;
}

// Not thread-safe; all calls on one stream at a time, for they share a workspace.
class Linears {
 public:
  // Opens cuBLASLt and takes the workspace. kUnavailable where the library cannot
  // be opened; kResourceExhausted where memory cannot be had.
  static Result<std::unique_ptr<Linears>> Create();
  // What Create takes of the GPU's memory.
  static int64_t DeviceBytes();

  virtual ~Linears() = default;

  // Chooses and loads the algorithms for products of up to max_rows rows with
  // weights of this format and shape. All of `weights` have it; they are timed in
  // turn, so that the cache holds none. `x` and `y` are scratch: inputs, and
  // outputs in `output`, of BufferRows(max_rows) rows (kernels/cuda/linear_sizes.h).
  // kUnsupported where cuBLASLt has no algorithm for the shape.
  virtual Status Prepare(std::span<const DeviceWeight> weights, OutputFormat output,
                         int32_t max_rows, const Activations& x, void* y, const Stream& stream) = 0;

  // y = x W^T, with room for BufferRows(rows) rows in both x and y. Allocates nothing.
  // REQUIRES: Prepare was OK for the shape with at least as many rows; x.format is
  // ActivationsFor(weight.format).
  virtual Product Multiply(const DeviceWeight& weight, const Activations& x, int32_t rows,
                           BFloat16* y, StreamHandle stream) = 0;
  // The same with f32 results, for logits. REQUIRES: weight.format is kBF16.
  virtual void MultiplyF32(const DeviceWeight& weight, const Activations& x, int32_t rows, float* y,
                           StreamHandle stream) = 0;
};

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_LINEAR_H_
