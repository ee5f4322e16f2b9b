// What lies between the products of kernels/cuda/between_attention.cu: how its blocks wait for
// each other, how they read what they left of a product, and the gate that they make of it.
//
// Parts of a product say themselves whether they have come. A release of all that a block has
// written would wait behind the weights on their way to it, so there is none: the lowest bit of
// each value is the turn of its row in that product, which changes with each launch that has the
// row, and who reads a part reads it until the turn is the one that is due. A counter tells
// readers when it is worth looking.
#ifndef QED_KERNELS_CUDA_BETWEEN_ATTENTION_CUH_
#define QED_KERNELS_CUDA_BETWEEN_ATTENTION_CUH_

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "kernels/cuda/between_attention.h"
#include "kernels/cuda/few_rows_steps.cuh"
#include "kernels/cuda/rank_links.h"
#include "kernels/cuda/turn_bits.cuh"

namespace qed::cuda::between {

inline constexpr int kProducts = 4;
inline constexpr int kMultipliers = kGroups * kGroupThreads;  // threads that multiply
// Vectors of four values that a thread has of a row at most, for the norm and for the gate.
// Those whose parts are on their way at a time are as many as registers allow.
inline constexpr int kNormVectors = 8, kNormAtOnce = 3;
inline constexpr int kGateVectors = 8, kGateAtOnce = 2;
inline constexpr int kMostBlocksOfRow = 8;
static_assert(kMostBlocksOfRow <= kMultipliers / kWarp);  // LargestOfRow's use of scratch

// How far the blocks are. The counters are zero between launches.
struct Progress {
  int32_t multiplied[kProducts];  // blocks that are done with the product, or about to be
  int32_t ready[kProducts];       // blocks that have written their part of the product's x
  int32_t left;
  uint32_t turns[kProducts];  // of each row, as it was in the last launch that had the row
  // Of the gated row, the largest value that a block found, and above its bits the turn.
  uint64_t largest[kBetweenRows][kMostBlocksOfRow];
};

inline constexpr size_t kProgressBytes = (sizeof(Progress) + 255) / 256 * 256;

struct OneProduct {
  CUtensorMap weight;
  CUtensorMap x;
  Shares shares;
  int width;                   // N
  int parts;                   // of a tile, at most
  int writers;                 // blocks that write x; 0 where it is there when the launch begins
  const float* row_scales;     // [rows] or null
  const float* column_scales;  // [N] or null
  uint32_t* found;             // [tiles, parts, kBetweenRows, kTileRows]
};

struct Params {
  OneProduct products[kProducts];
  int num_products;
  int rows;
  int hidden;
  int inner;
  int attended_width;
  int stages;
  int blocks_of_row;  // for the gate
  float* residual;
  float norm_eps;
  const float* o_bias;
  const float* norms[2];  // after o, after down
  const BFloat16* attention;
  Activations attended;
  Activations normed;
  Activations gated;
  BFloat16* out;
  Progress* progress;
  RankLinks links;
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

__device__ __forceinline__ void CountRelaxed(int32_t* counter) {
  asm volatile("red.relaxed.gpu.global.add.s32 [%0], 1;\n" ::"l"(counter) : "memory");
}

// The turns that are due in this launch, a bit a row.
struct Turns {
  uint32_t of[kProducts];

  __device__ explicit Turns(const Progress& progress) {
#pragma unroll
    for (int p = 0; p < kProducts; ++p) of[p] = ~__ldcg(progress.turns + p);
  }
};

__device__ __forceinline__ uint32_t TurnOf(uint32_t turns, int t) { return turns >> t & 1; }

// First value of a part of a tile, of row `t`.
__device__ __forceinline__ uint32_t* PartOf(const OneProduct& product, int tile, int part, int t) {
  return product.found + ((tile * product.parts + part) * kBetweenRows + t) * kTileRows;
}

__device__ __forceinline__ void StorePart(uint32_t* to, float value, uint32_t turn) {
  asm volatile("st.relaxed.gpu.global.u32 [%0], %1;\n" ::"l"(to), "r"(WithTurn(value, turn))
               : "memory");
}

__device__ __forceinline__ uint4 LoadPart(const uint32_t* from) {
  uint4 found;
  asm volatile("ld.relaxed.gpu.global.v4.u32 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(found.x), "=r"(found.y), "=r"(found.z), "=r"(found.w)
               : "l"(from)
               : "memory");
  return found;
}

// Whether the lowest bits of all parts are the turn.
template <int kParts, int kCount>
__device__ __forceinline__ bool HaveCome(const uint4 (&part)[kCount][kParts], uint32_t turn) {
  TurnsSeen seen;
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
#pragma unroll
    for (int j = 0; j < kParts; ++j) seen.Add(part[i][j]);
  }
  return seen.Are(turn);
}

// The sums of row `t` of a product, without scales, from each of the columns on, for four of
// them; zeros from column `width` on. All parts, kParts at most, are on their way together; if
// one has not come, all are asked for again.
template <int kParts, int kCount>
__device__ __forceinline__ void ReadSums(const OneProduct& product, uint32_t turns, int t,
                                         const int (&column)[kCount], int width,
                                         Four (&value)[kCount]) {
  constexpr int kOfPart = kBetweenRows * kTileRows;
  uint4 part[kCount][kParts];
  int parts[kCount], from[kCount];
  const Shares& shares = product.shares;
  const uint32_t turn = TurnOf(turns, t);
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    const int tile = column[i] / kTileRows;
    parts[i] = column[i] < width ? shares.BlockOf((tile + 1) * shares.steps_of_tile - 1) -
                                       shares.BlockOf(tile * shares.steps_of_tile) + 1
                                 : 0;
    from[i] = (tile * product.parts * kBetweenRows + t) * kTileRows + column[i] % kTileRows;
  }
  do {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
#pragma unroll
      for (int j = 0; j < kParts; ++j) {
        part[i][j] = {turn, turn, turn, turn};  // nothing, but come
        if (j < parts[i]) part[i][j] = LoadPart(product.found + from[i] + j * kOfPart);
      }
    }
  } while (!HaveCome(part, turn));
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    value[i] = {};
#pragma unroll
    for (int j = 0; j < kParts; ++j) {
      value[i].v[0] += WithoutTurn(part[i][j].x);
      value[i].v[1] += WithoutTurn(part[i][j].y);
      value[i].v[2] += WithoutTurn(part[i][j].z);
      value[i].v[3] += WithoutTurn(part[i][j].w);
    }
  }
}

// The scales of these columns; ones where the product has none, or beyond its width.
template <int kCount>
__device__ __forceinline__ void LoadScales(const OneProduct& product, const int (&column)[kCount],
                                           int width, Four (&scale)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    scale[i] = {{1.0F, 1.0F, 1.0F, 1.0F}};
    if (product.column_scales != nullptr && column[i] < width) {
      scale[i] = LoadFour(product.column_scales + column[i]);
    }
  }
}

// Of a row of the product's x.
__device__ __forceinline__ float RowScale(const OneProduct& product, int t) {
  return product.row_scales == nullptr ? 1.0F : __ldcg(product.row_scales + t);
}

// What row `t` of a product is, scales applied.
template <int kParts, int kCount>
__device__ __forceinline__ void ReadProduct(const OneProduct& product, uint32_t turns, int t,
                                            const int (&column)[kCount], int width,
                                            Four (&value)[kCount]) {
  Four scale[kCount];
  LoadScales(product, column, width, scale);
  const float row_scale = RowScale(product, t);
  ReadSums<kParts>(product, turns, t, column, width, value);
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
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

// The largest magnitude of row t over the blocks that have a part of it. Each tells its own in
// all places that no other block has, so that all places take turns.
__device__ __forceinline__ float LargestOfRow(const Params& params, uint32_t turn, int t, int part,
                                              float largest, float* scratch) {
  uint64_t* places = params.progress->largest[t];
  const int thread = static_cast<int>(threadIdx.x);
  if (thread < kMostBlocksOfRow) {
    if (thread % params.blocks_of_row == part) {
      asm volatile("st.relaxed.gpu.global.u64 [%0], %1;\n" ::"l"(places + thread),
                   "l"(uint64_t{turn} << 32 | __float_as_uint(largest))
                   : "memory");
    }
    uint64_t found;
    do {
      asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];\n"
                   : "=l"(found)
                   : "l"(places + thread)
                   : "memory");
    } while (found >> 32 != turn);
    scratch[thread] = __uint_as_float(static_cast<uint32_t>(found));
  }
  SyncMultipliers();
#pragma unroll
  for (int i = 0; i < kMostBlocksOfRow; ++i) largest = LargerMagnitude(largest, scratch[i]);
  return largest;
}

// gated = silu(gate) * up of one of the parts of row t.
template <bool kFp8Values, int kParts>
__device__ __forceinline__ void GatePart(const Params& params, const OneProduct& product,
                                         uint32_t turns, int t, int part, float* scratch) {
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
    ReadProduct<kParts>(product, turns, t, column, 2 * width, value);
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
    if (params.gated.static_scale == nullptr) {
      SyncMultipliers();  // all have read `scratch`
      largest = LargestOfRow(params, TurnOf(turns, t), t, part, largest, scratch);
    }
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

}  // namespace qed::cuda::between

#endif  // QED_KERNELS_CUDA_BETWEEN_ATTENTION_CUH_
