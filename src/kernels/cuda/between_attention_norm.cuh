// What kernels/cuda/between_attention.cu adds to the residual stream behind a product, of one GPU
// or of several ranks, and the norm that it makes of the stream.
#ifndef QED_KERNELS_CUDA_BETWEEN_ATTENTION_NORM_CUH_
#define QED_KERNELS_CUDA_BETWEEN_ATTENTION_NORM_CUH_

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/between_attention.cuh"
#include "kernels/cuda/rank_links.cuh"
#include "kernels/cuda/rms_norm_row.cuh"

namespace qed::cuda::between {

// Four values of a row of the residual stream, with the bias of what will be added.
__device__ __forceinline__ Four ResidualFour(const float* residual, const float* bias, int column) {
  Four value = LoadFour(residual + column);
  if (bias == nullptr) return value;
  const Four added = LoadFour(bias + column);
#pragma unroll
  for (int j = 0; j < 4; ++j) value.v[j] += added.v[j];
  return value;
}

// A thread's vectors of such a row.
__device__ __forceinline__ void LoadResidual(const float* residual, const float* bias, int width,
                                             Four (&row)[kNormVectors]) {
#pragma unroll
  for (int i = 0; i < kNormVectors; ++i) {
    if (RowColumn(i) < width) row[i] = ResidualFour(residual, bias, RowColumn(i));
  }
}

// Columns base, base + 1, ... of this thread's; `width` where it has none.
__device__ __forceinline__ void ColumnsFrom(int base, int width, int (&column)[kNormAtOnce]) {
#pragma unroll
  for (int i = 0; i < kNormAtOnce; ++i) {
    column[i] = base + i < kNormVectors ? min(RowColumn(base + i), width) : width;
  }
}

// row += the product; stores the new residual stream.
__device__ __forceinline__ RowFacts AddProduct(const OneProduct& product, uint32_t turns,
                                               const float* weight, int t, int width,
                                               float* residual, Four (&row)[kNormVectors]) {
  RowFacts facts = {0, 0};
#pragma unroll
  for (int base = 0; base < kNormVectors; base += kNormAtOnce) {
    if (base * 4 * kMultipliers >= width) break;
    int column[kNormAtOnce];
    ColumnsFrom(base, width, column);
    Four delta[kNormAtOnce], factor[kNormAtOnce];
#pragma unroll
    for (int i = 0; i < kNormAtOnce; ++i) {
      if (column[i] < width) factor[i] = LoadFour(weight + column[i]);
    }
    ReadProduct<kMostParts>(product, turns, t, column, width, delta);
#pragma unroll
    for (int i = 0; i < kNormAtOnce; ++i) {
      if (base + i >= kNormVectors || column[i] >= width) continue;
      Four& value = row[base + i];
#pragma unroll
      for (int j = 0; j < 4; ++j) value.v[j] += delta[i].v[j];
      StoreFour(residual + column[i], value);
      WeighFour(value, factor[i], facts);
    }
  }
  return facts;
}

// The row that the sum of all ranks' products makes of the residual stream; stores it.
__device__ __forceinline__ RowFacts AddProductOfAll(const Params& params, const OneProduct& product,
                                                    uint32_t turns, const float* bias,
                                                    const float* weight, int t, int slot,
                                                    uint32_t rank_turn, float* residual,
                                                    Four (&row)[kNormVectors]) {
  const int width = params.hidden;
#pragma unroll
  for (int base = 0; base < kNormVectors; base += kNormAtOnce) {
    if (base * 4 * kMultipliers >= width) break;
    int column[kNormAtOnce];
    ColumnsFrom(base, width, column);
    Four delta[kNormAtOnce];
    ReadProduct<kMostParts>(product, turns, t, column, width, delta);
#pragma unroll
    for (int i = 0; i < kNormAtOnce; ++i) {
      if (base + i >= kNormVectors || column[i] >= width) continue;
      SendToRanks(params.links, slot, t, column[i], delta[i], rank_turn);
      row[base + i] = delta[i];
    }
  }
  RowFacts facts = {0, 0};
#pragma unroll
  for (int base = 0; base < kNormVectors; base += kNormAtOnce) {
    if (base * 4 * kMultipliers >= width) break;
    int column[kNormAtOnce];
    ColumnsFrom(base, width, column);
    Four own[kNormAtOnce] = {}, value[kNormAtOnce] = {}, factor[kNormAtOnce];
#pragma unroll
    for (int i = 0; i < kNormAtOnce; ++i) {
      if (base + i >= kNormVectors || column[i] >= width) continue;
      factor[i] = LoadFour(weight + column[i]);
      value[i] = ResidualFour(residual, bias, column[i]);
      own[i] = row[base + i];
    }
    AddOfRanks(params.links, slot, t, column, width, rank_turn, own, value);
#pragma unroll
    for (int i = 0; i < kNormAtOnce; ++i) {
      if (base + i >= kNormVectors || column[i] >= width) continue;
      StoreFour(residual + column[i], value[i]);
      WeighFour(value[i], factor[i], facts);
      row[base + i] = value[i];
    }
  }
  return facts;
}

// residual += the product; normed = norm of it. One row, by one block, once all blocks are done
// with the product.
template <bool kFp8Values, bool kLinked>
__device__ __forceinline__ void AddAndNorm(const Params& params, int p, uint32_t turns,
                                           const float* bias, const float* weight, int t,
                                           float* scratch, int warp) {
  const OneProduct& product = params.products[p];
  const int width = params.hidden, slot = p / 2;
  float* residual = params.residual + int64_t{t} * width;
  Four row[kNormVectors];
  RowFacts facts;
  if constexpr (kLinked) {
    uint32_t* const rank_turn = &ExchangeOf(params.links, params.links.rank).turns[slot][t];
    const uint32_t due = LoadTurn(rank_turn) ^ 1;
    AwaitCount(params.progress->multiplied + p, static_cast<int>(gridDim.x), warp);
    if (threadIdx.x == 0) *rank_turn = due;  // all threads have read it
    facts = AddProductOfAll(params, product, turns, bias, weight, t, slot, due, residual, row);
  } else {
    LoadResidual(residual, bias, width, row);
    AwaitCount(params.progress->multiplied + p, static_cast<int>(gridDim.x), warp);
    facts = AddProduct(product, turns, weight, t, width, residual, row);
  }
  facts.squares = SumOverBlock(facts.squares, scratch);
  const float factor = NormFactor(facts, width, params.norm_eps);
  EightBitScale scale = {1.0F, 1.0F};
  if constexpr (kFp8Values) {
    scale = ScaleOf(params.normed, factor * LargestOverBlock(facts.largest, scratch));
    if (threadIdx.x == 0) params.normed.scales[t] = scale.scale;
  }
#pragma unroll
  for (int i = 0; i < kNormVectors; ++i) {
    if (RowColumn(i) >= width) continue;
#pragma unroll
    for (int j = 0; j < 4; ++j) row[i].v[j] *= factor;
    StoreActivations<kFp8Values>(params.normed, int64_t{t} * width + RowColumn(i), row[i],
                                 scale.inverse);
  }
}

}  // namespace qed::cuda::between

#endif  // QED_KERNELS_CUDA_BETWEEN_ATTENTION_NORM_CUH_
