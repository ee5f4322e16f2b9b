// Second moments of what a product reads: which directions of its input matter.
#ifndef QED_QUANTIZE_INPUT_MOMENTS_H_
#define QED_QUANTIZE_INPUT_MOMENTS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "kernels/op_context.h"
#include "tensor/aligned_buffer.h"

namespace qed {

// The sum of x^T x over rows x [K]: the Hessian, but for a factor, of the squared error of a
// product by its weights. Sums are in f32, a chunk of rows at a time, in the order in which
// the rows come; the same bits whatever the threads. 4 K^2 bytes.
class InputMoments {
 public:
  // kResourceExhausted where memory cannot be had. `pool` must outlive this.
  static Result<InputMoments> Create(int32_t width, ThreadPool& pool);

  // `count` rows, `stride` floats apart.
  void Add(const float* rows, int32_t count, int64_t stride);

  int32_t width() const { return width_; }
  // [K, K], symmetric, of all rows so far.
  std::span<const float> Sums();

 private:
  InputMoments(int32_t width, ThreadPool& pool) : width_(width), ctx_{&pool, DetectIsa()} {}
  void AddChunk();

  int32_t width_;
  OpContext ctx_;
  int32_t waiting_ = 0;       // columns of `chunk_` that are filled
  std::vector<float> chunk_;  // [K, kChunkRows], rows that are not in the sums yet, turned
  AlignedBuffer packed_;      // the same as weights
  AlignedBuffer sums_;        // [K, K]
};

}  // namespace qed

#endif  // QED_QUANTIZE_INPUT_MOMENTS_H_
