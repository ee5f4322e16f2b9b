// What lies between the products of kernels/cuda/between_attention.cu: how its blocks wait for
// each other, how they read what they left of a product, and the norm, the gate and the last
// rounding that they make of it.
#ifndef QED_KERNELS_CUDA_BETWEEN_ATTENTION_CUH_
#define QED_KERNELS_CUDA_BETWEEN_ATTENTION_CUH_

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "kernels/cuda/between_attention.h"
#include "kernels/cuda/few_rows_steps.cuh"

namespace qed::cuda::between {

inline constexpr int kProducts = 4;
inline constexpr int kMultipliers = kGroups * kGroupThreads;  // threads that multiply
// Vectors of four values that a thread has of a row at most, for the norm and for the gate.
// Those whose parts are on their way at a time are as many as registers allow.
inline constexpr int kNormVectors = 8, kNormAtOnce = 4;
inline constexpr int kGateVectors = 8, kGateAtOnce = 2;
inline constexpr int kMostBlocksOfRow = 8;

// How far the blocks are. Zero between launches.
struct Progress {
  int32_t multiplied[kProducts];  // blocks that are done with the product
  int32_t ready[kProducts];       // blocks that have written their part of the product's x
  int32_t left;
  int32_t gated[kBetweenRows];  // blocks that have found the largest value of their part of the row
  float largest[kBetweenRows][kMostBlocksOfRow];
};

inline constexpr size_t kProgressBytes = (sizeof(Progress) + 255) / 256 * 256;

struct OneProduct {
  CUtensorMap weight;
  CUtensorMap x;
  Shares shares;
  int parts;                   // of a tile, at most
  int writers;                 // blocks that write x; 0 where it is there when the launch begins
  const float* row_scales;     // [rows] or null
  const float* column_scales;  // [N] or null
};

struct Params {
  OneProduct products[kProducts];
  int num_products;
  int rows;
  int hidden;
  int inner;
  int out_width;
  int stages;
  int blocks_of_row;  // for the gate
  float* residual;
  float norm_eps;
  const float* o_bias;
  const float* norms[2];  // after o, after down
  Activations normed;
  Activations gated;
  BFloat16* out;
  float* parts;  // of one product: [tiles, parts, kTokens, kTileRows]
  Progress* progress;
};

__device__ __forceinline__ void SyncMultipliers() {
  asm volatile("bar.sync 1, %0;\n" ::"n"(kMultipliers) : "memory");
}

__device__ __forceinline__ int LoadAcquire(const int32_t* counter) {
  int value;
  asm volatile("ld.acquire.gpu.global.s32 %0, [%1];\n" : "=r"(value) : "l"(counter) : "memory");
  return value;
}

__device__ __forceinline__ void AddRelease(int32_t* counter) {
  asm volatile("red.release.gpu.global.add.s32 [%0], 1;\n" ::"l"(counter) : "memory");
}

// All multiplying threads wait until the counter says so; what was written before it was
// counted can be read then. Whole warps wait, so that the compiler sees them stay together.
__device__ __forceinline__ void AwaitCount(const int32_t* counter, int count, int warp) {
  if (warp == 0) {
    while (!__all_sync(kAllLanes, LoadAcquire(counter) >= count)) {
    }
  }
  SyncMultipliers();
}

// All multiplying threads call it: what they wrote can be read by who sees the count.
__device__ __forceinline__ void CountBlock(int32_t* counter) {
  SyncMultipliers();
  if (threadIdx.x == 0) AddRelease(counter);
}

// Between accesses by instructions and by the copy engine.
__device__ __forceinline__ void FenceCopyEngine() {
  asm volatile("fence.proxy.async.global;\n" ::: "memory");
}

// First value of a part of a tile, of row `t`.
template <int kTokens>
__device__ __forceinline__ float* PartOf(const Params& params, const OneProduct& product, int tile,
                                         int part, int t) {
  return params.parts + (int64_t{tile * product.parts + part} * kTokens + t) * kTileRows;
}

// What row `t` of a product is from each of the columns on, for four of them; zeros from
// column `width` on. All parts, kParts at most, are on their way together.
template <int kTokens, int kParts, int kCount>
__device__ __forceinline__ void ReadProduct(const Params& params, const OneProduct& product, int t,
                                            const int (&column)[kCount], int width,
                                            Four (&value)[kCount]) {
  float4 part[kCount][kParts];
  Four scale[kCount] = {};
  const Shares& shares = product.shares;
  const bool scaled = product.column_scales != nullptr;
  const float row_scale = scaled ? __ldcg(product.row_scales + t) : 1.0F;
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    const int tile = column[i] / kTileRows;
    const int parts = column[i] < width ? shares.BlockOf((tile + 1) * shares.steps_of_tile - 1) -
                                              shares.BlockOf(tile * shares.steps_of_tile) + 1
                                        : 0;
    if (scaled && column[i] < width) scale[i] = LoadFour(product.column_scales + column[i]);
    const float* from = PartOf<kTokens>(params, product, tile, 0, t) + column[i] % kTileRows;
#pragma unroll
    for (int j = 0; j < kParts; ++j) {
      part[i][j] = j < parts
                       ? __ldcg(reinterpret_cast<const float4*>(from + j * kTokens * kTileRows))
                       : float4{};
    }
  }
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    float4 sum = part[i][0];
#pragma unroll
    for (int j = 1; j < kParts; ++j) {
      sum = {sum.x + part[i][j].x, sum.y + part[i][j].y, sum.z + part[i][j].z,
             sum.w + part[i][j].w};
    }
    value[i] = {{sum.x, sum.y, sum.z, sum.w}};
    if (!scaled || column[i] >= width) continue;
#pragma unroll
    for (int j = 0; j < 4; ++j) value[i].v[j] *= row_scale * scale[i].v[j];
  }
}

// Over the multiplying threads, given to each of them.
__device__ __forceinline__ float SumOverBlock(float value, float* scratch) {
  value = WarpSum(value);
  SyncMultipliers();
  if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = value;
  SyncMultipliers();
  float sum = 0;
#pragma unroll
  for (int w = 0; w < kMultipliers / kWarp; ++w) sum += scratch[w];
  return sum;
}

__device__ __forceinline__ float LargestOverBlock(float value, float* scratch) {
  value = WarpLargest(value);
  SyncMultipliers();
  if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = value;
  SyncMultipliers();
  float largest = 0;
#pragma unroll
  for (int w = 0; w < kMultipliers / kWarp; ++w) largest = LargerMagnitude(largest, scratch[w]);
  return largest;
}

// Vector i of this thread of a row.
__device__ __forceinline__ int RowColumn(int i) {
  return 4 * (static_cast<int>(threadIdx.x) + i * kMultipliers);
}

__device__ __forceinline__ EightBitScale ScaleOf(const Activations& out, float largest) {
  if (out.static_scale == nullptr) return ScaleFor(largest, kFp8Largest);
  return {*out.static_scale, 1.0F / *out.static_scale};
}

template <bool kFp8Values>
__device__ __forceinline__ void StoreActivations(const Activations& out, int64_t at, Four value,
                                                 float inverse) {
  if constexpr (kFp8Values) {
#pragma unroll
    for (int j = 0; j < 4; ++j) value.v[j] *= inverse;
    StoreFour(out.fp8 + at, value);
  } else {
    StoreFour(out.bf16 + at, value);
  }
}

// residual += the product; normed = norm of it. One row, by one block.
template <bool kFp8Values, int kTokens>
__device__ __forceinline__ void AddAndNorm(const Params& params, const OneProduct& product,
                                           const float* bias, const float* weight, int t,
                                           float* scratch) {
  const int width = params.hidden;
  float* residual = params.residual + int64_t{t} * width;
  Four row[kNormVectors];
  float squares = 0, largest = 0;
#pragma unroll
  for (int base = 0; base < kNormVectors; base += kNormAtOnce) {
    constexpr int kCount = kNormAtOnce;
    if (base * 4 * kMultipliers >= width) break;
    int column[kCount];
    Four delta[kCount], factor[kCount] = {};
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      column[i] = RowColumn(base + i);
      if (column[i] >= width) continue;
      row[base + i] = LoadFour(residual + column[i]);
      factor[i] = LoadFour(weight + column[i]);
    }
    ReadProduct<kTokens, kMostParts>(params, product, t, column, width, delta);
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      if (column[i] >= width) continue;
      Four& value = row[base + i];
      const Four added = bias == nullptr ? Four{} : LoadFour(bias + column[i]);
#pragma unroll
      for (int j = 0; j < 4; ++j) value.v[j] += delta[i].v[j] + added.v[j];
      StoreFour(residual + column[i], value);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        squares += value.v[j] * value.v[j];
        value.v[j] *= factor[i].v[j];
        largest = LargerMagnitude(largest, value.v[j]);
      }
    }
  }
  squares = SumOverBlock(squares, scratch);
  const float factor = 1.0F / sqrtf(squares / static_cast<float>(width) + params.norm_eps);
  EightBitScale scale = {1.0F, 1.0F};
  if constexpr (kFp8Values) {
    scale = ScaleOf(params.normed, factor * LargestOverBlock(largest, scratch));
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

// The largest magnitude of row t over the blocks that have a part of it.
__device__ __forceinline__ float LargestOfRow(const Params& params, int t, int part, float largest,
                                              int warp) {
  Progress& progress = *params.progress;
  if (threadIdx.x == 0) {
    __stcg(&progress.largest[t][part], largest);
    AddRelease(&progress.gated[t]);
  }
  AwaitCount(&progress.gated[t], params.blocks_of_row, warp);
  for (int i = 0; i < params.blocks_of_row; ++i) {
    largest = LargerMagnitude(largest, __ldcg(&progress.largest[t][i]));
  }
  return largest;
}

// gated = silu(gate) * up of one of the parts of row t.
template <bool kFp8Values, int kTokens, int kParts>
__device__ __forceinline__ void GatePart(const Params& params, const OneProduct& product, int t,
                                         int part, float* scratch, int warp) {
  const int width = params.inner;
  const int of_part = (width / 4 + params.blocks_of_row - 1) / params.blocks_of_row * 4;
  const int first = part * of_part, end = min(first + of_part, width);
  constexpr int kPairs = kGateAtOnce;
  Four row[kGateVectors];
  float largest = 0;
#pragma unroll
  for (int base = 0; base < kGateVectors; base += kPairs) {
    if (first + base * 4 * kMultipliers >= end) break;
    int column[2 * kPairs];
    Four value[2 * kPairs];
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      const int c = first + RowColumn(base + i);
      column[i] = c < end ? c : 2 * width;
      column[kPairs + i] = c < end ? width + c : 2 * width;
    }
    ReadProduct<kTokens, kParts>(params, product, t, column, 2 * width, value);
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const float gated = Silu(value[i].v[j]) * value[kPairs + i].v[j];
        row[base + i].v[j] = gated;
        largest = LargerMagnitude(largest, gated);
      }
    }
  }
  EightBitScale scale = {1.0F, 1.0F};
  if constexpr (kFp8Values) {
    largest = LargestOverBlock(largest, scratch);
    if (params.gated.static_scale == nullptr)
      largest = LargestOfRow(params, t, part, largest, warp);
    scale = ScaleOf(params.gated, largest);
    if (threadIdx.x == 0 && part == 0) params.gated.scales[t] = scale.scale;
  }
#pragma unroll
  for (int i = 0; i < kGateVectors; ++i) {
    const int column = first + RowColumn(i);
    if (column >= end) continue;
    StoreActivations<kFp8Values>(params.gated, int64_t{t} * width + column, row[i], scale.inverse);
  }
}

// The last product, rounded: a warp takes 32 vectors at a time.
template <int kTokens>
__device__ __forceinline__ void StoreOut(const Params& params, const OneProduct& product,
                                         int warp) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int blocks = static_cast<int>(gridDim.x), of_row = params.out_width / 4;
  const int items = of_row * params.rows;
  for (int first = (warp * blocks + static_cast<int>(blockIdx.x)) * kWarp; first < items;
       first += kMultipliers * blocks) {
    const int item = min(first + lane, items - 1), t = item / of_row;
    const int column[1] = {item % of_row * 4};
    Four value[1];
    ReadProduct<kTokens, kMostParts>(params, product, t, column, params.out_width, value);
    StoreFour(params.out + int64_t{t} * params.out_width + column[0], value[0]);
  }
}

}  // namespace qed::cuda::between

#endif  // QED_KERNELS_CUDA_BETWEEN_ATTENTION_CUH_
