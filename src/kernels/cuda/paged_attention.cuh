// The attention kernels of one head size; each has a .cu file of its own, because
// they take long to compile.
#ifndef QED_KERNELS_CUDA_PAGED_ATTENTION_CUH_
#define QED_KERNELS_CUDA_PAGED_ATTENTION_CUH_

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <flashinfer/attention/prefill.cuh>

#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/attention_launch.h"

namespace qed::cuda {

namespace attention {

namespace fi = flashinfer;

// What FlashInfer's device code reads, under the names that it wants. Each block
// fills it for its own item: the batch that FlashInfer sees has one sequence.
struct FlashInferParams {
  using DTypeQ = __nv_bfloat16;
  using DTypeKV = __nv_bfloat16;
  using DTypeO = __nv_bfloat16;
  using IdType = int32_t;

  DTypeQ* q;
  fi::paged_kv_t<DTypeKV, IdType> paged_kv;
  DTypeO* o;
  float* lse;
  fi::uint_fastdiv group_size;
  uint32_t num_qo_heads;
  IdType q_stride_n;
  IdType q_stride_h;
  float sm_scale;
  int32_t window_left;  // -1: none
  bool partition_kv;
  uint32_t qo_len;
  uint32_t kv_len;
  IdType* q_indptr;
  IdType* o_indptr;
  IdType* request_indices;
  IdType* qo_tile_indices;
  IdType* kv_tile_indices;
  IdType* kv_chunk_size_ptr;
  bool* block_valid_mask;  // none: the items say what is valid

  __device__ uint32_t get_qo_len(uint32_t) const { return qo_len; }
  __device__ uint32_t get_kv_len(uint32_t) const { return kv_len; }
};

struct KernelParams {
  FlashInferParams base;
  AttentionItem* items;
  const int32_t* count;
  __nv_bfloat16* out;
  __nv_bfloat16* partial;
  float* partial_lse;
  int32_t* counters;
};

// Key tokens, in steps of 16 for each warp of a block along the keys: as many as
// two blocks of a multiprocessor's shared memory hold on H100 and A100.
template <uint32_t kTile, uint32_t kHeadDim>
constexpr uint32_t KvSteps() {
  if (kTile == 16) return kHeadDim == 64 ? 4 : 2;
  return kTile == 64 ? 8 : 4;
}

template <uint32_t kTile, uint32_t kHeadDim>
using Traits =
    fi::KernelTraits<fi::MaskMode::kCausal, kTile, fi::get_num_mma_q(kTile),
                     KvSteps<kTile, kHeadDim>(), kHeadDim / 16, kHeadDim / 16,
                     fi::get_num_warps_q(kTile), fi::get_num_warps_kv(kTile),
                     fi::PosEncodingMode::kNone, __nv_bfloat16, __nv_bfloat16, __nv_bfloat16, float,
                     int32_t, fi::DefaultAttention<false, false, false, false>>;

// Whether this block is the last of its tile and KV head to get here. Everything
// the blocks before wrote can be read after it.
__device__ __forceinline__ bool IsLastOfTile(const AttentionItem& item, int32_t* counters) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  if (thread == 0) {
    int32_t* counter = counters + item.counter * static_cast<int32_t>(gridDim.z) + blockIdx.z;
    last = atomicAdd(counter, 1) + 1 == item.tile_chunks;
    if (last) *counter = 0;  // for the next step
  }
  __syncthreads();
  __threadfence();
  return last;
}

// out = the chunks' results, weighted by their shares of the softmax's sum.
template <uint32_t kTile, uint32_t kHeadDim>
__device__ __forceinline__ void MergeTile(const AttentionItem& item, const KernelParams& params) {
  constexpr int kVector = 8;  // elements of one load
  constexpr int kThreadsPerRow = kHeadDim / kVector;
  const int num_heads = static_cast<int>(params.base.num_qo_heads);
  const int group = static_cast<int>(static_cast<uint32_t>(params.base.group_size));
  const int threads = blockDim.x * blockDim.y * blockDim.z;
  const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const int end = min(item.num_rows * group, static_cast<int>((item.tile + 1) * kTile));
  for (int packed = item.tile * static_cast<int>(kTile) + thread / kThreadsPerRow; packed < end;
       packed += threads / kThreadsPerRow) {
    const int query = packed / group;
    const int head = static_cast<int>(blockIdx.z) * group + packed % group;
    const int dim = thread % kThreadsPerRow * kVector;
    const int seen = item.context - item.num_rows + query + 1;
    const int chunks = (seen + item.chunk_tokens - 1) / item.chunk_tokens;
    const int64_t first =
        (item.first_partial + int64_t{query} * item.num_chunks) * num_heads + head;
    float max = -INFINITY;
    for (int c = 0; c < chunks; ++c) {
      max = fmaxf(max, __ldcg(params.partial_lse + first + int64_t{c} * num_heads));
    }
    float sum = 0, value[kVector] = {};
    for (int c = 0; c < chunks; ++c) {
      const int64_t row = first + int64_t{c} * num_heads;
      const float weight = exp2f(__ldcg(params.partial_lse + row) - max);
      const uint4 packed_values =
          __ldcg(reinterpret_cast<const uint4*>(params.partial + row * kHeadDim + dim));
      const auto* pairs = reinterpret_cast<const __nv_bfloat162*>(&packed_values);
      sum += weight;
#pragma unroll
      for (int i = 0; i < kVector / 2; ++i) {
        const float2 pair = __bfloat1622float2(pairs[i]);
        value[2 * i] += weight * pair.x;
        value[2 * i + 1] += weight * pair.y;
      }
    }
    uint4 result;
    auto* pairs = reinterpret_cast<__nv_bfloat162*>(&result);
#pragma unroll
    for (int i = 0; i < kVector / 2; ++i) {
      pairs[i] = __floats2bfloat162_rn(value[2 * i] / sum, value[2 * i + 1] / sum);
    }
    const int64_t out_row = int64_t{item.first_row + query} * num_heads + head;
    *reinterpret_cast<uint4*>(params.out + out_row * kHeadDim + dim) = result;
  }
}

// Grid: [items, 1, KVH].
template <uint32_t kTile, uint32_t kHeadDim>
__global__ __launch_bounds__((Traits<kTile, kHeadDim>::NUM_THREADS)) void PagedAttentionKernel(
    const __grid_constant__ KernelParams params) {
  using KTraits = Traits<kTile, kHeadDim>;
  extern __shared__ __align__(16) uint8_t shared[];
  WaitForKernelBefore();
  if (static_cast<int32_t>(blockIdx.x) >= *params.count) return;
  AttentionItem& item = params.items[blockIdx.x];
  const bool split = item.num_chunks > 1;
  FlashInferParams own = params.base;
  own.qo_len = item.num_rows;
  own.kv_len = item.context;
  own.partition_kv = split;
  own.o = split ? params.partial : params.out;
  own.lse = split ? params.partial_lse : nullptr;
  own.q_indptr = &item.first_row;
  own.o_indptr = split ? &item.first_partial : &item.first_row;
  own.paged_kv.indptr = &item.first_page;  // and end_page behind it
  own.request_indices = &item.zero;
  own.qo_tile_indices = &item.tile;
  own.kv_tile_indices = &item.chunk;
  own.kv_chunk_size_ptr = &item.chunk_tokens;
  fi::BatchPrefillWithPagedKVCacheDevice<KTraits>(
      own, reinterpret_cast<typename KTraits::SharedStorage&>(shared), threadIdx, 0, blockIdx.z,
      gridDim.z);
  if (split && IsLastOfTile(item, params.counters)) MergeTile<kTile, kHeadDim>(item, params);
}

template <uint32_t kTile, uint32_t kHeadDim>
void LaunchTile(const AttentionLaunch& launch, StreamHandle stream) {
  using KTraits = Traits<kTile, kHeadDim>;
  static_assert(!KTraits::IsInvalid());
  constexpr size_t kShared = sizeof(typename KTraits::SharedStorage);
  static const cudaError_t allowed = cudaFuncSetAttribute(
      PagedAttentionKernel<kTile, kHeadDim>, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared);
  QED_CUDA_CHECK(allowed);
  const PagedKvCache& kv = launch.kv;
  const auto kv_heads = static_cast<uint32_t>(kv.num_kv_heads);
  auto* keys = reinterpret_cast<__nv_bfloat16*>(kv.data);
  KernelParams params = {};
  params.base.q = reinterpret_cast<__nv_bfloat16*>(const_cast<BFloat16*>(launch.q));
  const int64_t strides[] = {kv.page_elements(), int64_t{kv.num_kv_heads} * kHeadDim, kHeadDim};
  params.base.paged_kv = fi::paged_kv_t<__nv_bfloat16, int32_t>(
      kv_heads, static_cast<uint32_t>(kv.page_size), kHeadDim, /*batch_size=*/1,
      fi::QKVLayout::kNHD, keys, keys + kv.page_elements() / 2, strides,
      const_cast<int32_t*>(launch.pages), nullptr, nullptr);
  params.base.group_size = fi::uint_fastdiv(static_cast<uint32_t>(launch.num_heads) / kv_heads);
  params.base.num_qo_heads = static_cast<uint32_t>(launch.num_heads);
  params.base.q_stride_n = static_cast<int32_t>(launch.q_stride);
  params.base.q_stride_h = kHeadDim;
  params.base.sm_scale = 1.0f / std::sqrt(static_cast<float>(kHeadDim));
  params.base.window_left = -1;
  params.items = const_cast<AttentionItem*>(launch.items);
  params.count = launch.count;
  params.out = reinterpret_cast<__nv_bfloat16*>(launch.out);
  params.partial = reinterpret_cast<__nv_bfloat16*>(launch.partial);
  params.partial_lse = launch.partial_lse;
  params.counters = launch.counters;
  Launch(PagedAttentionKernel<kTile, kHeadDim>, dim3(launch.grid_items, 1, kv_heads),
         dim3(32, KTraits::NUM_WARPS_Q, KTraits::NUM_WARPS_KV), kShared, stream, params);
}

template <uint32_t kHeadDim>
void LaunchHeadDim(int32_t tile_rows, const AttentionLaunch& launch, StreamHandle stream) {
  static_assert(kAttentionTiles == std::array<int32_t, 3>{16, 64, 128});
  switch (tile_rows) {
    case 16:
      return LaunchTile<16, kHeadDim>(launch, stream);
    case 64:
      return LaunchTile<64, kHeadDim>(launch, stream);
    case 128:
      return LaunchTile<128, kHeadDim>(launch, stream);
    default:
      QED_CHECK(false) << tile_rows;
  }
}

}  // namespace attention
}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_PAGED_ATTENTION_CUH_
