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
#include "kernels/cuda/attention_merge.cuh"

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
  Results results;
};

// Key tokens, in steps of 16 for each warp of a block along the keys: as many as
// two blocks of a multiprocessor's shared memory hold on H100 and A100.
template <uint32_t kTile, uint32_t kHeadDim>
constexpr uint32_t KvSteps() {
  return kTile == 64 ? 8 : 4;
}

template <uint32_t kTile, uint32_t kHeadDim>
using Traits =
    fi::KernelTraits<fi::MaskMode::kCausal, kTile, fi::get_num_mma_q(kTile),
                     KvSteps<kTile, kHeadDim>(), kHeadDim / 16, kHeadDim / 16,
                     fi::get_num_warps_q(kTile), fi::get_num_warps_kv(kTile),
                     fi::PosEncodingMode::kNone, __nv_bfloat16, __nv_bfloat16, __nv_bfloat16, float,
                     int32_t, fi::DefaultAttention<false, false, false, false>>;

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
  own.o = split ? params.results.partial : params.results.out;
  own.lse = split ? params.results.partial_lse : nullptr;
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
  const auto kv_head = static_cast<int>(blockIdx.z);
  if (split && IsLastOfTile(item, kv_head, params.results)) {
    MergeTile<static_cast<int>(kTile), static_cast<int>(kHeadDim)>(item, kv_head, params.results);
  }
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
  params.results = ResultsOf(launch);
  Launch(PagedAttentionKernel<kTile, kHeadDim>, dim3(launch.grid_items, 1, kv_heads),
         dim3(32, KTraits::NUM_WARPS_Q, KTraits::NUM_WARPS_KV), kShared, stream, params);
}

template <uint32_t kHeadDim>
void LaunchHeadDim(int32_t tile_rows, const AttentionLaunch& launch, StreamHandle stream) {
  static_assert(kAttentionTiles == std::array<int32_t, 3>{16, 64, 128});
  switch (tile_rows) {
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
