// A block stays on each multiprocessor. Two of its warps bring weights and rows of x through
// the ring (kernels/cuda/few_rows_steps.cuh), the others multiply; what a block finds of a tile
// it leaves in memory as a part. When all blocks are done with a product, some of them add up
// the parts, in order, as they do what lies between this product and the next one: a norm, a
// block a row; the gate, several blocks a row. Blocks wait for each other at counters in
// memory; all of them run at once, one on each multiprocessor.
#include <cuda_runtime.h>

#include <algorithm>

#include "base/check.h"
#include "cuda/early_start.cuh"
#include "cuda/launch.cuh"
#include "kernels/cuda/between_attention.cuh"
#include "kernels/cuda/between_attention.h"
#include "kernels/cuda/few_rows_linear.h"
#include "kernels/cuda/few_rows_steps.cuh"
#include "kernels/cuda/tensor_map.cuh"

namespace qed::cuda {
namespace {

using namespace between;  // the other half of this file

constexpr int kThreads = kMultipliers + 2 * kWarp;  // and two warps that bring
constexpr int kRingBytes = 216 << 10;
constexpr int kBarrierBytes = 1024;
// Stages whose weights are on their way at a time. Beyond what keeps the memory busy, they
// would only stand before what the blocks tell each other.
constexpr int kInFlight = 3;

// Calls step(product, column, row of the weight, place) for each of this block's steps.
template <bool kFp8Values, typename Step>
__device__ __forceinline__ void ForSteps(const Params& params, Step step_of) {
  constexpr int kStepColumns = kFp8Values ? kOperandBytes : kOperandBytes / 2;
  Place place;
  place.parity = 1;  // the ring begins empty
  for (int p = 0; p < params.num_products; ++p) {
    const Shares& shares = params.products[p].shares;
    const int end = shares.First(static_cast<int>(blockIdx.x) + 1);
    for (int step = shares.First(static_cast<int>(blockIdx.x)); step < end; ++step) {
      step_of(p, step % shares.steps_of_tile * kStepColumns,
              step / shares.steps_of_tile * kTileRows, place);
      place.Next(params.stages);
    }
  }
}

template <bool kFp8Values, int kTokens>
__device__ __forceinline__ void BringWeights(const Params& params, const Ring<kTokens>& ring) {
  Place oldest;  // of those on their way
  int on_the_way = 0;
  ForSteps<kFp8Values>(params, [&](int p, int column, int row, const Place& place) {
    if (on_the_way == kInFlight) {
      ring.weights_there[oldest.stage].Wait(oldest.parity);
      oldest.Next(params.stages);
      --on_the_way;
    }
    ring.emptied[place.stage].Wait(place.parity);
    ring.weights_there[place.stage].ArriveAndExpect(kTileBytes);
    CopyTile(ring.Weights(place.stage), params.products[p].weight, column, row,
             ring.weights_there[place.stage], CachePolicy::kReadOnce);
    ++on_the_way;
  });
}

template <bool kFp8Values, int kTokens>
__device__ __forceinline__ void BringRows(const Params& params, const Ring<kTokens>& ring) {
  WaitForKernelBefore();
  int there = 0;  // the last product whose x is known to be there
  ForSteps<kFp8Values>(params, [&](int p, int column, int, const Place& place) {
    ring.emptied[place.stage].Wait(place.parity);
    if (p != there) {
      while (LoadAcquire(params.progress->ready + p) < params.products[p].writers) {
      }
      FenceCopyEngine();
      there = p;
    }
    ring.rows_there[place.stage].ArriveAndExpect(kRowsBytes<kTokens>);
    CopyTile(ring.Rows(place.stage), params.products[p].x, column, 0, ring.rows_there[place.stage],
             CachePolicy::kReadAgain);
  });
}

template <int kTokens>
__device__ __forceinline__ void LeavePart(const Params& params, const OneProduct& product, int tile,
                                          int group, const Sums<kTokens>& sums) {
  const int thread = static_cast<int>(threadIdx.x) % kGroupThreads;
  const int part =
      static_cast<int>(blockIdx.x) - product.shares.BlockOf(tile * product.shares.steps_of_tile);
  const int first_n = group * kGroupRows + thread / kWarp * 16 + thread % kWarp / 4;
  const int first_t = thread % 4 * 2;
  float* to = PartOf<kTokens>(params, product, tile, part, 0);
#pragma unroll
  for (int i = 0; i < Sums<kTokens>::kValues; ++i) {
    const int n = first_n + i % 4 / 2 * 8, t = first_t + i / 4 * 8 + i % 2;
    if (t < params.rows) __stcg(to + t * kTileRows + n, sums.v[i]);
  }
}

// Leaves this block's parts of a product.
template <bool kFp8Values, int kTokens>
__device__ __forceinline__ void Multiply(const Params& params, const OneProduct& product,
                                         const Ring<kTokens>& ring, int group, Place& place) {
  const Shares& shares = product.shares;
  const int end = shares.First(static_cast<int>(blockIdx.x) + 1);
  for (int step = shares.First(static_cast<int>(blockIdx.x)); step < end;) {
    const int tile = step / shares.steps_of_tile;
    const int part_end = min(end, (tile + 1) * shares.steps_of_tile);
    Sums<kTokens> sums = {};
    SumSteps<kFp8Values, kTokens>(ring, params.stages, part_end - step, group, place, sums);
    LeavePart<kTokens>(params, product, tile, group, sums);
    step = part_end;
  }
}

// Brings to the second-level cache what the blocks will read between products.
__device__ __forceinline__ void Prefetch(const float* values, int count) {
  constexpr int kOfLine = 32;
  if (values == nullptr) return;
  for (int line = static_cast<int>(blockIdx.x * kMultipliers + threadIdx.x); line * kOfLine < count;
       line += static_cast<int>(gridDim.x) * kMultipliers) {
    asm volatile("prefetch.global.L2 [%0];\n" ::"l"(values + line * kOfLine));
  }
}

__device__ __forceinline__ void PrefetchVectors(const Params& params) {
  for (const float* norm : params.norms) Prefetch(norm, params.hidden);
  for (int p = 0; p < params.num_products; ++p) {
    const int last = p + 1 == params.num_products;
    Prefetch(params.products[p].column_scales, p == 1 ? 2 * params.inner
                                               : last ? params.out_width
                                                      : params.hidden);
  }
}

// What follows product p, once all blocks are done with it.
template <bool kFp8Values, int kTokens>
__device__ __forceinline__ void FollowProduct(const Params& params, int p, float* scratch,
                                              int warp) {
  const OneProduct& product = params.products[p];
  const int block = static_cast<int>(blockIdx.x);
  const bool is_last = p + 1 == params.num_products;
  if (!is_last && block >= params.products[p + 1].writers) return;
  AwaitCount(params.progress->multiplied + p, static_cast<int>(gridDim.x), warp);
  if (is_last) return StoreOut<kTokens>(params, product, warp);
  if (p == 1) {
    const int t = block / params.blocks_of_row, part = block % params.blocks_of_row;
    if (product.parts <= 2) {
      GatePart<kFp8Values, kTokens, 2>(params, product, t, part, scratch, warp);
    } else {
      GatePart<kFp8Values, kTokens, kMostParts>(params, product, t, part, scratch, warp);
    }
  } else {
    AddAndNorm<kFp8Values, kTokens>(params, product, p == 0 ? params.o_bias : nullptr,
                                    params.norms[p / 2], block, scratch);
  }
  FenceCopyEngine();
  CountBlock(params.progress->ready + p + 1);
}

// Resets the counters when all blocks have used them.
__device__ __forceinline__ void Leave(Progress& progress, int rows) {
  SyncMultipliers();
  if (threadIdx.x != 0 || atomicAdd(&progress.left, 1) + 1 != static_cast<int>(gridDim.x)) return;
  for (int p = 0; p < kProducts; ++p) progress.multiplied[p] = progress.ready[p] = 0;
  for (int t = 0; t < rows; ++t) progress.gated[t] = 0;
  progress.left = 0;
}

// Grid: the multiprocessors.
template <bool kFp8Values, int kTokens>
__global__ void __launch_bounds__(kThreads, 1)
    BetweenAttentionKernel(const __grid_constant__ Params params) {
#if __CUDA_ARCH__ >= 900
  extern __shared__ uint8_t shared[];
  __shared__ float scratch[kMultipliers / kWarp];
  Ring<kTokens> ring(shared, params.stages);
  if (threadIdx.x == 0) ring.Init(params.stages, kGroups);
  __syncthreads();
  // The same for all threads of a warp, as the compiler knows only of what is shuffled.
  const int warp = __shfl_sync(kAllLanes, static_cast<int>(threadIdx.x) / kWarp, 0);
  if (warp < kMultipliers / kWarp) {
    LetNextKernelStart();
    PrefetchVectors(params);
    WaitForKernelBefore();
    Place place;
    for (int p = 0; p < params.num_products; ++p) {
      Multiply<kFp8Values>(params, params.products[p], ring, warp / (kGroupThreads / kWarp), place);
      CountBlock(params.progress->multiplied + p);
      FollowProduct<kFp8Values, kTokens>(params, p, scratch, warp);
    }
    Leave(*params.progress, params.rows);
  } else if (threadIdx.x == kMultipliers) {
    BringWeights<kFp8Values>(params, ring);
  } else if (threadIdx.x == kMultipliers + kWarp) {
    BringRows<kFp8Values>(params, ring);
  }
#endif
}

int64_t RowBytes(WeightFormat format, int32_t k) {
  return format == WeightFormat::kFp8 ? k : 2 * int64_t{k};
}

Shares SharesOf(WeightFormat format, int32_t n, int32_t k) {
  return ShareOut(n, RowBytes(format, k), static_cast<int>(DeviceMultiprocessors()));
}

// Of a tile, at most.
int PartsOf(const Shares& shares) {
  const int whole = (shares.steps_of_tile * shares.blocks + shares.steps - 1) / shares.steps;
  return std::min(kMostParts, whole + 1);
}

int64_t PartBytes(int32_t n, int32_t k) {
  const int parts = std::max(PartsOf(SharesOf(WeightFormat::kFp8, n, k)),
                             PartsOf(SharesOf(WeightFormat::kBF16, n, k)));
  return int64_t{TilesOf(n)} * parts * kBetweenRows * kTileRows *
         static_cast<int64_t>(sizeof(float));
}

int BlocksOfRow(int32_t rows) {
  int blocks = kMostBlocksOfRow;
  while (blocks * rows > static_cast<int>(DeviceMultiprocessors())) blocks /= 2;
  return blocks;
}

template <bool kFp8Values, int kTokens>
OneProduct Describe(const DeviceWeight& weight, const Activations& x, int32_t rows, int writers) {
  constexpr MatrixValues kValues = kFp8Values ? MatrixValues::kBytes : MatrixValues::kBf16;
  const void* data = kFp8Values ? static_cast<const void*>(x.fp8) : x.bf16;
  const Shares shares = SharesOf(weight.format, weight.n, weight.k);
  return {.weight = DescribeMatrix(kValues, weight.data, weight.n, weight.k, kTileRows),
          .x = DescribeMatrix(kValues, data, rows, weight.k, kTokens),
          .shares = shares,
          .parts = PartsOf(shares),
          .writers = writers,
          .row_scales = kFp8Values ? x.scales : nullptr,
          .column_scales = kFp8Values ? weight.scales : nullptr};
}

template <bool kFp8Values, int kTokens>
void LaunchFor(const BetweenAttention& args, std::span<std::byte> workspace, StreamHandle stream) {
  constexpr int kStages = (kRingBytes - kTileAlignment - kBarrierBytes) / kStageBytes<kTokens>;
  static_assert(kStages >= kInFlight &&
                kBarriersOfStage * kStages * sizeof(ArrivalBarrier) <= kBarrierBytes);
  constexpr int kSharedBytes = kTileAlignment + kStages * kStageBytes<kTokens> + kBarrierBytes;
  static const cudaError_t allowed =
      cudaFuncSetAttribute(BetweenAttentionKernel<kFp8Values, kTokens>,
                           cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes);
  QED_CUDA_CHECK(allowed);
  const int blocks_of_row = BlocksOfRow(args.rows);
  const auto describe = Describe<kFp8Values, kTokens>;
  Params params = {};
  params.products[0] = describe(args.o, args.attended, args.rows, 0);
  params.products[1] = describe(args.gate_up, args.normed, args.rows, args.rows);
  params.products[2] = describe(args.down, args.gated, args.rows, args.rows * blocks_of_row);
  if (args.next_norm != nullptr) {
    params.products[3] = describe(args.qkv, args.normed, args.rows, args.rows);
  }
  params.num_products = args.next_norm == nullptr ? 3 : 4;
  params.rows = args.rows;
  params.hidden = args.o.n;
  params.inner = args.down.k;
  params.out_width = args.next_norm == nullptr ? args.down.n : args.qkv.n;
  params.stages = kStages;
  params.blocks_of_row = blocks_of_row;
  params.residual = args.residual;
  params.norm_eps = args.norm_eps;
  params.o_bias = args.o_bias;
  params.norms[0] = args.ffn_norm;
  params.norms[1] = args.next_norm;
  params.normed = args.normed;
  params.gated = args.gated;
  params.out = args.out;
  params.progress = reinterpret_cast<Progress*>(workspace.data());
  params.parts = reinterpret_cast<float*>(workspace.data() + kProgressBytes);
  Launch(BetweenAttentionKernel<kFp8Values, kTokens>, dim3(DeviceMultiprocessors()), dim3(kThreads),
         kSharedBytes, stream, params);
}

template <bool kFp8Values>
void LaunchForRows(const BetweenAttention& args, std::span<std::byte> workspace,
                   StreamHandle stream) {
  if (args.rows <= 8) return LaunchFor<kFp8Values, 8>(args, workspace, stream);
  if (args.rows <= 16) return LaunchFor<kFp8Values, 16>(args, workspace, stream);
  LaunchFor<kFp8Values, kBetweenRows>(args, workspace, stream);
}

}  // namespace

bool HasBetweenAttention(const BetweenAttention& args) {
  if (!HasFewRowsLinear() || args.rows < 1 || args.rows > kBetweenRows) return false;
  if (args.o.format != WeightFormat::kFp8 && args.o.format != WeightFormat::kBF16) {
    return false;
  }
  for (const DeviceWeight* weight : {&args.o, &args.gate_up, &args.down, &args.qkv}) {
    if (weight->format != args.o.format) return false;
    if (weight->input_scale != nullptr) return false;  // it finds the scales of its inputs
  }
  if (args.rows > static_cast<int>(DeviceMultiprocessors())) return false;
  return args.o.n <= kNormVectors * 4 * kMultipliers &&
         args.down.k <= kGateVectors * 4 * kMultipliers * BlocksOfRow(args.rows);
}

size_t BetweenAttentionWorkspace(const LayerWidths& widths) {
  if (!HasFewRowsLinear()) return 0;
  const int64_t parts = std::max(
      {PartBytes(widths.hidden, widths.queries), PartBytes(2 * widths.inner, widths.hidden),
       PartBytes(widths.hidden, widths.inner), PartBytes(widths.qkv, widths.hidden)});
  return kProgressBytes + static_cast<size_t>(parts);
}

void RunBetweenAttention(const BetweenAttention& args, std::span<std::byte> workspace,
                         StreamHandle stream) {
  QED_CHECK(HasBetweenAttention(args));
  QED_CHECK_GE(workspace.size(),
               BetweenAttentionWorkspace({args.o.n, args.o.k, args.qkv.n, args.down.k}));
  if (args.o.format == WeightFormat::kFp8) {
    return LaunchForRows<true>(args, workspace, stream);
  }
  LaunchForRows<false>(args, workspace, stream);
}

}  // namespace qed::cuda
