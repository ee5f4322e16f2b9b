#include "quantize/input_moments.h"

#include <algorithm>
#include <utility>

#include "kernels/linear.h"

namespace qed {
namespace {

// Rows that are added at a time: one product of [K, rows] by itself.
constexpr int32_t kChunkRows = 256;

}  // namespace

Result<InputMoments> InputMoments::Create(int32_t width, ThreadPool& pool) {
  InputMoments moments(width, pool);
  const auto side = static_cast<size_t>(width);
  moments.chunk_.resize(side * kChunkRows);
  QED_ASSIGN_OR_RETURN(moments.packed_, AlignedBuffer::Allocate(PackedWeightBytes(
                                            WeightFormat::kF32, width, kChunkRows)));
  QED_ASSIGN_OR_RETURN(moments.sums_, AlignedBuffer::Allocate(side * side * sizeof(float)));
  return moments;
}

void InputMoments::Add(const float* rows, int32_t count, int64_t stride) {
  for (int32_t done = 0; done < count;) {
    const int32_t taken = std::min(count - done, kChunkRows - waiting_);
    ctx_.pool->ParallelFor((width_ + kPanelRows - 1) / kPanelRows, [&](int64_t panel) {
      const int32_t first = static_cast<int32_t>(panel) * kPanelRows;
      for (int32_t c = first; c < std::min(first + kPanelRows, width_); ++c) {
        float* to = chunk_.data() + int64_t{c} * kChunkRows + waiting_;
        for (int32_t r = 0; r < taken; ++r) to[r] = rows[(done + r) * stride + c];
      }
    });
    waiting_ += taken;
    done += taken;
    if (waiting_ == kChunkRows) AddChunk();
  }
}

void InputMoments::AddChunk() {
  const int64_t panels = (width_ + kPanelRows - 1) / kPanelRows;
  ctx_.pool->ParallelFor(panels, [&](int64_t panel) {
    const int32_t first = static_cast<int32_t>(panel) * kPanelRows;
    const int32_t rows = std::min(kPanelRows, width_ - first);
    for (int32_t r = first; r < first + rows; ++r) {
      std::fill(chunk_.begin() + int64_t{r} * kChunkRows + waiting_,
                chunk_.begin() + (int64_t{r} + 1) * kChunkRows, 0.0F);
    }
    const auto values = std::span(chunk_).subspan(static_cast<size_t>(first) * kChunkRows,
                                                  static_cast<size_t>(rows) * kChunkRows);
    PackWeightRows(WeightFormat::kF32, width_, kChunkRows, first, rows, DType::kF32,
                   std::as_bytes(values), packed_.data());
  });
  const LinearTask task = {.weight = {.format = WeightFormat::kF32,
                                      .n = width_,
                                      .k = kChunkRows,
                                      .data = packed_.data()},
                           .y = sums_.As<float>(),
                           .y_stride = width_,
                           .accumulate = true};
  Linear(ctx_, chunk_.data(), kChunkRows, nullptr, width_, {&task, 1});
  waiting_ = 0;
}

std::span<const float> InputMoments::Sums() {
  if (waiting_ > 0) AddChunk();
  const auto side = static_cast<size_t>(width_);
  return {sums_.As<float>(), side * side};
}

}  // namespace qed
