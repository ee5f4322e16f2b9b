// The two ends of kernels/cuda/between_attention.cu: what it makes of attention's result before
// the first product, and of the last product.
#ifndef QED_KERNELS_CUDA_BETWEEN_ATTENTION_ENDS_CUH_
#define QED_KERNELS_CUDA_BETWEEN_ATTENTION_ENDS_CUH_

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/between_attention.cuh"

namespace qed::cuda::between {

// Row t of attention's result as codes.
__device__ __forceinline__ void QuantizeAttended(const Params& params, int t, float* scratch) {
  const int width = params.attended_width;
  Four row[kNormVectors];
  float largest = 0;
#pragma unroll
  for (int i = 0; i < kNormVectors; ++i) {
    if (RowColumn(i) >= width) continue;
    row[i] = LoadFour(params.attention + int64_t{t} * width + RowColumn(i));
    largest = LargestWith(largest, row[i]);
  }
  const EightBitScale scale = ScaleOf(params.attended, LargestOverBlock(largest, scratch));
  if (threadIdx.x == 0) params.attended.scales[t] = scale.scale;
#pragma unroll
  for (int i = 0; i < kNormVectors; ++i) {
    if (RowColumn(i) >= width) continue;
    StoreActivations<true>(params.attended, int64_t{t} * width + RowColumn(i), row[i],
                           scale.inverse);
  }
}

// The last product, rounded, once all blocks are done with it: a warp takes 32 vectors at a time.
__device__ __forceinline__ void StoreOut(const Params& params, const OneProduct& product,
                                         const int32_t* multiplied, uint32_t turns, int warp) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int blocks = static_cast<int>(gridDim.x), of_row = product.width / 4;
  const int items = of_row * params.rows;
  AwaitCount(multiplied, blocks, warp);
  for (int first = (warp * blocks + static_cast<int>(blockIdx.x)) * kWarp; first < items;
       first += kMultipliers * blocks) {
    const int item = min(first + lane, items - 1), t = item / of_row;
    const int column[1] = {item % of_row * 4};
    Four value[1];
    ReadProduct<kMostParts>(product, turns, t, column, product.width, value);
    StoreFour(params.out + int64_t{t} * product.width + column[0], value[0]);
  }
}

}  // namespace qed::cuda::between

#endif  // QED_KERNELS_CUDA_BETWEEN_ATTENTION_ENDS_CUH_
