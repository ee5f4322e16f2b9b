// What the norm of a row needs of all its values, and the row that it makes of them.
#ifndef QED_KERNELS_CUDA_RMS_NORM_ROW_CUH_
#define QED_KERNELS_CUDA_RMS_NORM_ROW_CUH_

#include "kernels/cuda/row.cuh"

namespace qed::cuda {

struct RowFacts {
  float squares;  // sum
  float largest;  // magnitude of value * weight
};

// Takes note of four values of the row and makes them value * weight.
__device__ __forceinline__ void WeighFour(Four& value, const Four& weight, RowFacts& facts) {
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    facts.squares += value.v[j] * value.v[j];
    value.v[j] *= weight.v[j];
    facts.largest = LargerMagnitude(facts.largest, value.v[j]);
  }
}

// Over the threads of the block, in one reduction. `scratch` holds kWarp of them in shared
// memory.
__device__ __forceinline__ RowFacts FactsOfBlock(RowFacts own, RowFacts* scratch) {
  return BlockReduce(
      own, scratch,
      [](RowFacts found) {
        return RowFacts{WarpSum(found.squares), WarpLargest(found.largest)};
      },
      [](RowFacts a, RowFacts b) {
        return RowFacts{a.squares + b.squares, LargerMagnitude(a.largest, b.largest)};
      });
}

__device__ __forceinline__ float NormFactor(const RowFacts& facts, int width, float eps) {
  return 1.0F / sqrtf(facts.squares / static_cast<float>(width) + eps);
}

template <int kVectors>
__device__ __forceinline__ void ScaleRow(Four (&row)[kVectors], float factor) {
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) row[i].v[j] *= factor;
  }
}

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_RMS_NORM_ROW_CUH_
