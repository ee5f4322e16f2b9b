// Attention of long prompts on Hopper GPUs: FlashInfer's kernel whose warps are
// split into those that load and those that multiply (compute capability 9.0).
#define FLASHINFER_CUTLASS_UTILS_CUH_  // includes much of CUTLASS that nothing here needs

#include <cuda_runtime.h>

#include <cmath>
#include <cute/tensor.hpp>
#include <cutlass/gemm/collective/collective_builder.hpp>
#include <flashinfer/attention/hopper/prefill_sm90.cuh>

#include "cuda/error.cuh"
#include "kernels/cuda/attention_launch.h"

namespace qed::cuda {
namespace {

namespace fi = flashinfer;

constexpr int kHeadDim = 128;
constexpr int kKeysPerStep = 96;  // what FlashInfer found best for pages
constexpr int kStages = 2;

using Bf16 = cutlass::bfloat16_t;

struct SoftmaxParams {
  float sm_scale;
};

// One block takes one tile of queries of one head, as the items say.
struct ItemScheduler {
  struct Params {
    const AttentionItem* items;
    const int32_t* count;
    cutlass::FastDivmod group;
  };

  struct WorkTileInfo {
    int tile, head, kv_head, first_row, first_page, num_rows, context;
    bool valid;

    CUTLASS_DEVICE bool is_valid(const Params&) const { return valid; }
    CUTLASS_DEVICE auto get_block_coord(const Params&) const {
      return cute::tuple{tile,           head, kv_head, first_row, first_page, num_rows, context,
                         /*batch_idx=*/0};
    }
  };

  CUTLASS_DEVICE WorkTileInfo get_initial_work(const Params& params) const {
    const int head = static_cast<int>(blockIdx.y);
    if (static_cast<int>(blockIdx.x) >= *params.count) return {0, 0, 0, 0, 0, 0, 0, false};
    const AttentionItem& item = params.items[blockIdx.x];
    return {item.tile,
            head,
            params.group.divide(head),
            item.first_row,
            item.first_page,
            item.num_rows,
            item.context,
            true};
  }
  template <bool is_producer = false>
  CUTLASS_DEVICE WorkTileInfo get_next_work(const Params&, const WorkTileInfo&) const {
    return {0, 0, 0, 0, 0, 0, 0, false};
  }
  CUTLASS_DEVICE void init_consumer() const {}
  CUTLASS_DEVICE void prefetch_next_work(const Params&, WorkTileInfo&) const {}
  CUTLASS_DEVICE void broadcast_next_work(WorkTileInfo&) const {}
};

using Traits = fi::AttentionKernelTraits</*USE_TMA_LOAD_KV=*/false, kHeadDim, kHeadDim,
                                         kLongPromptTile, kKeysPerStep, kStages, Bf16, Bf16, Bf16,
                                         int32_t, fi::StandardAttention>;
using Mainloop = fi::SparseCollectiveMainloop<SoftmaxParams, Traits, /*CAUSAL=*/true,
                                              /*MULTIITEMSCORING=*/false>;

// Stores a tile's result. FlashInfer's own lets warps read rows from shared memory that
// others may not have written yet: each thread arrives twice at a barrier that counts it
// once, so half of the warps can open it for themselves (version 0.6.13).
struct Epilogue : fi::CollectiveEpilogue<Traits> {
  template <typename Result, typename Lse, typename Mma, typename BlockCoord>
  CUTLASS_DEVICE void store(const Params& params, const Result& result, const Lse&,
                            Traits::SharedStorage& shared, const Mma& mma, int thread,
                            const BlockCoord& coord) {
    using Barrier = cutlass::arch::NamedBarrier;
    const auto [tile, head, kv_head, first_row, first_page, num_rows, context, batch] = coord;
    const auto rows = cute::make_tensor(cute::make_smem_ptr(shared.smem_o.data()), SmemLayoutO{});
    const auto to_shared = cute::make_tiled_copy_C(SmemCopyAtomO{}, mma);
    const auto part = to_shared.get_thread_slice(thread);
    const auto rounded = fi::convert_type<Bf16>(result);
    // The result takes the place of values, which all warps have read by then.
    Barrier::sync(NUM_MMA_THREADS, static_cast<int>(fi::NamedBarriers::kValueEmpty));
    cute::copy(to_shared, part.retile_S(rounded), part.partition_D(rows));
    Barrier::sync(NUM_MMA_THREADS, cutlass::arch::ReservedNamedBarriers::EpilogueBarrier);
    fi::write_tiled<NUM_COPY_THREADS>(params.O_ptr, TiledCopyO{}, params.layout_O,
                                      cute::select<0, 1>(TileShape_PDV{}), rows, thread, tile, head,
                                      first_row, num_rows);
  }
};

}  // namespace

void LaunchLongPrompt128(const AttentionLaunch& launch, StreamHandle stream) {
  const auto kernel =
      fi::PrefillWithKVCacheKernel<Mainloop, Epilogue, Traits, /*LEFT_SLIDING_WINDOW=*/false,
                                   /*CAUSAL=*/true, ItemScheduler>;
  constexpr size_t kShared = sizeof(Traits::SharedStorage);
  static const cudaError_t allowed =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared);
  QED_CUDA_CHECK(allowed);
  const PagedKvCache& kv = launch.kv;
  const int64_t token = int64_t{kv.num_kv_heads} * kHeadDim;
  const int64_t row = int64_t{launch.num_heads} * kHeadDim;
  const auto* keys = reinterpret_cast<const Bf16*>(kv.data);
  const auto kv_layout = fi::get_gmem_layout(0, kv.num_kv_heads, kHeadDim, token, kHeadDim);
  auto mainloop = Mainloop::to_underlying_arguments(
      {reinterpret_cast<const Bf16*>(launch.q),
       fi::get_gmem_layout(launch.num_tokens, launch.num_heads, kHeadDim, launch.q_stride,
                           kHeadDim),
       keys, kv_layout, keys + kv.page_elements() / 2, kv_layout, launch.pages,
       /*window_left=*/-1, kv.page_elements(), kv.page_elements(),
       static_cast<uint32_t>(kv.page_size),
       SoftmaxParams{1.0F / std::sqrt(static_cast<float>(kHeadDim))}});
  auto epilogue = Epilogue::to_underlying_arguments(
      {reinterpret_cast<Bf16*>(launch.out),
       fi::get_gmem_layout(launch.num_tokens, launch.num_heads, kHeadDim, row, kHeadDim), nullptr,
       fi::get_lse_gmem_layout(launch.num_tokens, launch.num_heads)});
  ItemScheduler::Params scheduler = {launch.items, launch.count,
                                     cutlass::FastDivmod(launch.num_heads / kv.num_kv_heads)};
  void* args[] = {&mainloop, &epilogue, &scheduler};
  const dim3 grid(static_cast<unsigned>(launch.grid_items),
                  static_cast<unsigned>(launch.num_heads));
  // Not launched early: the kernel does not wait for the one before it by itself.
  QED_CUDA_CHECK(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid,
                                  dim3(Traits::NUM_THREADS), args, kShared, stream));
}

}  // namespace qed::cuda
