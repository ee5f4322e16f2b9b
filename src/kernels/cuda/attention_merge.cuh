// Where blocks leave the results of a tile's chunks, and how the last of them makes
// one result of all.
#ifndef QED_KERNELS_CUDA_ATTENTION_MERGE_CUH_
#define QED_KERNELS_CUDA_ATTENTION_MERGE_CUH_

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

#include "kernels/cuda/attention_launch.h"

namespace qed::cuda::attention {

struct Results {
  __nv_bfloat16* out;      // [T, H, D]
  __nv_bfloat16* partial;  // [partial rows, H, D]: of one chunk
  float* partial_lse;      // [partial rows, H]: log2 of its softmax's sum
  int32_t* counters;       // [counters, KVH]: chunks done
  int num_heads;
  int num_kv_heads;
  int group;  // query heads of a KV head
};

inline Results ResultsOf(const AttentionLaunch& launch) {
  return {.out = reinterpret_cast<__nv_bfloat16*>(launch.out),
          .partial = reinterpret_cast<__nv_bfloat16*>(launch.partial),
          .partial_lse = launch.partial_lse,
          .counters = launch.counters,
          .num_heads = launch.num_heads,
          .num_kv_heads = launch.kv.num_kv_heads,
          .group = launch.num_heads / launch.kv.num_kv_heads};
}

// A packed row of a tile: which query of the sequence, and which head.
struct PackedRow {
  int query, head;
};

__device__ __forceinline__ PackedRow Unpack(int packed, int kv_head, int group) {
  return {packed / group, kv_head * group + packed % group};
}

// Row of `partial` and, by the head, element of `partial_lse`.
__device__ __forceinline__ int64_t PartialRow(const AttentionItem& item, const PackedRow& row,
                                              int chunk, int num_heads) {
  return (item.first_partial + int64_t{row.query} * item.num_chunks + chunk) * num_heads + row.head;
}

__device__ __forceinline__ int64_t OutRow(const AttentionItem& item, const PackedRow& row,
                                          int num_heads) {
  return int64_t{item.first_row + row.query} * num_heads + row.head;
}

inline constexpr int kVector = 8;  // elements of one load

__device__ __forceinline__ void StoreVector(const float (&value)[kVector], float factor,
                                            __nv_bfloat16* out) {
  uint4 result;
  auto* pairs = reinterpret_cast<__nv_bfloat162*>(&result);
#pragma unroll
  for (int i = 0; i < kVector / 2; ++i) {
    pairs[i] = __floats2bfloat162_rn(value[2 * i] * factor, value[2 * i + 1] * factor);
  }
  *reinterpret_cast<uint4*>(out) = result;
}

// This thread's place in its block, whatever the block's form.
__device__ __forceinline__ int ThreadOfBlock() {
  return static_cast<int>(threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z));
}

// Whether this block is the last of its tile and KV head to get here. Everything
// the blocks before wrote can be read after it.
__device__ __forceinline__ bool IsLastOfTile(const AttentionItem& item, int kv_head,
                                             const Results& results) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  if (ThreadOfBlock() == 0) {
    int32_t* counter = results.counters + item.counter * results.num_kv_heads + kv_head;
    last = atomicAdd(counter, 1) + 1 == item.tile_chunks;
    if (last) *counter = 0;  // for the next step
  }
  __syncthreads();
  __threadfence();
  return last;
}

// out = the chunks' results, weighted by their shares of the softmax's sum.
template <int kTile, int kHeadDim>
__device__ __forceinline__ void MergeTile(const AttentionItem& item, int kv_head,
                                          const Results& results) {
  constexpr int kThreadsPerRow = kHeadDim / kVector;
  const int threads = static_cast<int>(blockDim.x * blockDim.y * blockDim.z);
  const int dim = ThreadOfBlock() % kThreadsPerRow * kVector;
  const int end = min(item.num_rows * results.group, (item.tile + 1) * kTile);
  for (int packed = item.tile * kTile + ThreadOfBlock() / kThreadsPerRow; packed < end;
       packed += threads / kThreadsPerRow) {
    const PackedRow row = Unpack(packed, kv_head, results.group);
    const int seen = item.context - item.num_rows + row.query + 1;
    const int chunks = (seen + item.chunk_tokens - 1) / item.chunk_tokens;
    const int64_t first = PartialRow(item, row, 0, results.num_heads);
    float max = -INFINITY;
    for (int c = 0; c < chunks; ++c) {
      max = fmaxf(max, __ldcg(results.partial_lse + first + int64_t{c} * results.num_heads));
    }
    float sum = 0, value[kVector] = {};
#pragma unroll 4
    for (int c = 0; c < chunks; ++c) {
      const int64_t at = first + int64_t{c} * results.num_heads;
      const float weight = exp2f(__ldcg(results.partial_lse + at) - max);
      const uint4 packed_values =
          __ldcg(reinterpret_cast<const uint4*>(results.partial + at * kHeadDim + dim));
      const auto* pairs = reinterpret_cast<const __nv_bfloat162*>(&packed_values);
      sum += weight;
#pragma unroll
      for (int i = 0; i < kVector / 2; ++i) {
        const float2 pair = __bfloat1622float2(pairs[i]);
        value[2 * i] += weight * pair.x;
        value[2 * i + 1] += weight * pair.y;
      }
    }
    StoreVector(value, 1.0F / sum,
                results.out + OutRow(item, row, results.num_heads) * kHeadDim + dim);
  }
}

}  // namespace qed::cuda::attention

#endif  // QED_KERNELS_CUDA_ATTENTION_MERGE_CUH_
