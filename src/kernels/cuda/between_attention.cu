// A block stays on each multiprocessor. Two of its warps bring weights and rows of x through
// the ring (kernels/cuda/few_rows_steps.cuh), the others multiply; what a block finds of a tile
// it leaves in memory as a part. When all blocks are done with a product, some of them add up
// the parts, in order, as they do what lies between this product and the next one: a norm, a
// block a row; the gate, several blocks a row. Blocks wait for each other at counters in
// memory; all of them run at once, one on each multiprocessor. Rings begin to fill while
// attention still runs on other multiprocessors.
#include <cuda_runtime.h>

#include <algorithm>

#include "base/check.h"
#include "cuda/early_start.cuh"
#include "cuda/launch.cuh"
#include "kernels/cuda/between_attention.cuh"
#include "kernels/cuda/between_attention.h"
#include "kernels/cuda/between_attention_ends.cuh"
#include "kernels/cuda/between_attention_norm.cuh"
#include "kernels/cuda/few_rows_linear.h"
#include "kernels/cuda/few_rows_steps.cuh"
#include "kernels/cuda/tensor_map.cuh"

namespace qed::cuda {
namespace {

using namespace between;  // the other half of this file

constexpr int kThreads = kMultipliers + 2 * kWarp;  // and two warps that bring
constexpr int kRingBytes = 216 << 10;
constexpr int kBarrierBytes = 1024;
// Stages whose weights are on their way at a time, while blocks tell each other what they found,
// before which more would stand in line, and when all are multiplying.
constexpr int kFewInFlight = 3, kMostInFlight = 8;

// Calls step(product, column, row of the weight, place, number of the product's step) for each
// of this block's steps.
template <bool kFp8Values, typename Step>
__device__ __forceinline__ void ForSteps(const Params& params, Step step_of) {
  constexpr int kStepColumns = kFp8Values ? kOperandBytes : kOperandBytes / 2;
  Place place;
  place.parity = 1;  // the ring begins empty
  for (int p = 0; p < params.num_products; ++p) {
    const Shares& shares = params.products[p].shares;
    const int first = shares.First(static_cast<int>(blockIdx.x));
    const int end = shares.First(static_cast<int>(blockIdx.x) + 1);
    for (int step = first; step < end; ++step) {
      step_of(p, step % shares.steps_of_tile * kStepColumns,
              step / shares.steps_of_tile * kTileRows, place, step - first);
      place.Next(params.stages);
    }
  }
}

template <bool kFp8Values, int kTokens>
__device__ __forceinline__ void BringWeights(const Params& params, const Ring<kTokens>& ring) {
  Place oldest;  // of those on their way
  int on_the_way = 0;
  ForSteps<kFp8Values>(params, [&](int p, int column, int row, const Place& place, int number) {
    // The first that fill the ring are brought while the product before is being talked about.
    const int most = number >= params.stages ? kMostInFlight : kFewInFlight;
    while (on_the_way >= most) {
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
  int there = -1;  // the last product whose x is known to be there
  ForSteps<kFp8Values>(params, [&](int p, int column, int, const Place& place, int) {
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
__device__ __forceinline__ void LeavePart(const Params& params, const OneProduct& product,
                                          uint32_t turns, int tile, int group,
                                          const Sums<kTokens>& sums) {
  const int thread = static_cast<int>(threadIdx.x) % kGroupThreads;
  const int part =
      static_cast<int>(blockIdx.x) - product.shares.BlockOf(tile * product.shares.steps_of_tile);
  const int first_n = group * kGroupRows + thread / kWarp * 16 + thread % kWarp / 4;
  const int first_t = thread % 4 * 2;
  uint32_t* to = PartOf(product, tile, part, 0);
#pragma unroll
  for (int i = 0; i < Sums<kTokens>::kValues; ++i) {
    const int n = first_n + i % 4 / 2 * 8, t = first_t + i / 4 * 8 + i % 2;
    if (t < params.rows) StorePart(to + t * kTileRows + n, sums.v[i], TurnOf(turns, t));
  }
}

// Leaves this block's parts of a product.
template <bool kFp8Values, int kTokens>
__device__ __forceinline__ void Multiply(const Params& params, const OneProduct& product,
                                         uint32_t turns, const Ring<kTokens>& ring, int group,
                                         Place& place) {
  const Shares& shares = product.shares;
  const int end = shares.First(static_cast<int>(blockIdx.x) + 1);
  for (int step = shares.First(static_cast<int>(blockIdx.x)); step < end;) {
    const int tile = step / shares.steps_of_tile;
    const int part_end = min(end, (tile + 1) * shares.steps_of_tile);
    Sums<kTokens> sums = {};
    SumSteps<kFp8Values, kTokens>(ring, params.stages, part_end - step, group, place, sums);
    LeavePart<kTokens>(params, product, turns, tile, group, sums);
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
    Prefetch(params.products[p].column_scales, params.products[p].width);
  }
}

// The first product's input, where attention's result is not that already.
template <bool kFp8Values>
__device__ __forceinline__ void MakeInput(const Params& params, float* scratch) {
  const int block = static_cast<int>(blockIdx.x);
  if constexpr (!kFp8Values) return;
  if (block >= params.products[0].writers) return;
  QuantizeAttended(params, block, scratch);
  FenceCopyEngine();
  CountBlock(params.progress->ready);
}

// What follows product p, once all blocks are done with it.
template <bool kFp8Values, bool kLinked>
__device__ __forceinline__ void FollowProduct(const Params& params, int p, uint32_t turns,
                                              float* scratch, int warp) {
  const OneProduct& product = params.products[p];
  const int block = static_cast<int>(blockIdx.x);
  const int32_t* multiplied = params.progress->multiplied + p;
  if (p + 1 == params.num_products) return StoreOut(params, product, multiplied, turns, warp);
  if (block >= params.products[p + 1].writers) return;
  if (p == 1) {
    AwaitCount(multiplied, static_cast<int>(gridDim.x), warp);
    const int t = block / params.blocks_of_row, part = block % params.blocks_of_row;
    if (product.parts <= 2) {
      GatePart<kFp8Values, 2>(params, product, turns, t, part, scratch);
    } else {
      GatePart<kFp8Values, kMostParts>(params, product, turns, t, part, scratch);
    }
  } else {
    AddAndNorm<kFp8Values, kLinked>(params, p, turns, p == 0 ? params.o_bias : nullptr,
                                    params.norms[p / 2], block, scratch, warp);
  }
  FenceCopyEngine();
  CountBlock(params.progress->ready + p + 1);
}

// The last block to leave makes everything ready for the next launch.
__device__ __forceinline__ void Leave(const Params& params) {
  Progress& progress = *params.progress;
  SyncMultipliers();
  if (threadIdx.x != 0 || atomicAdd(&progress.left, 1) + 1 != static_cast<int>(gridDim.x)) return;
  const uint32_t rows = params.rows == kBetweenRows ? ~0U : (1U << params.rows) - 1;
  for (int p = 0; p < kProducts; ++p) {
    progress.multiplied[p] = progress.ready[p] = 0;
    if (p < params.num_products) progress.turns[p] ^= rows;
  }
  progress.left = 0;
}

// Grid: the multiprocessors.
template <bool kFp8Values, int kTokens, bool kLinked>
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
    MakeInput<kFp8Values>(params, scratch);
    const Turns turns(*params.progress);
    Place place;
    for (int p = 0; p < params.num_products; ++p) {
      Multiply<kFp8Values>(params, params.products[p], turns.of[p], ring,
                           warp / (kGroupThreads / kWarp), place);
      SyncMultipliers();
      if (threadIdx.x == 0) CountRelaxed(params.progress->multiplied + p);
      FollowProduct<kFp8Values, kLinked>(params, p, turns.of[p], scratch, warp);
    }
    Leave(params);
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

// Of the parts of a product.
size_t PartBytes(WeightFormat format, int32_t n, int32_t k) {
  const int parts = PartsOf(SharesOf(format, n, k));
  return size_t{sizeof(uint32_t)} * static_cast<size_t>(TilesOf(n) * parts) * kBetweenRows *
         kTileRows;
}

// What a format's launches leave in the workspace: others cut products differently.
struct Layout {
  size_t found[kProducts];  // where each product's parts begin
  size_t bytes = kProgressBytes;
};

Layout LayOut(WeightFormat format, const LayerWidths& w) {
  const int32_t n[kProducts] = {w.hidden, 2 * w.inner, w.hidden, w.qkv};
  const int32_t k[kProducts] = {w.queries, w.hidden, w.inner, w.hidden};
  Layout layout;
  for (int p = 0; p < kProducts; ++p) {
    layout.found[p] = layout.bytes;
    layout.bytes += PartBytes(format, n[p], k[p]);
  }
  return layout;
}

LayerWidths WidthsOf(const BetweenAttention& args) {
  return {args.o.n, args.o.k, args.qkv.n, args.down.k};
}

// A format's part of the workspace.
std::byte* WorkspaceOf(WeightFormat format, const LayerWidths& widths,
                       std::span<std::byte> workspace) {
  if (format == WeightFormat::kFp8) return workspace.data();
  return workspace.data() + LayOut(WeightFormat::kFp8, widths).bytes;
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
          .width = weight.n,
          .parts = PartsOf(shares),
          .writers = writers,
          .row_scales = kFp8Values ? x.scales : nullptr,
          .column_scales = kFp8Values ? weight.scales : nullptr,
          .found = nullptr};
}

template <bool kFp8Values, int kTokens, bool kLinked>
void LaunchFor(const BetweenAttention& args, std::span<std::byte> workspace, StreamHandle stream) {
  constexpr int kStages = (kRingBytes - kTileAlignment - kBarrierBytes) / kStageBytes<kTokens>;
  static_assert(kStages >= kMostInFlight &&
                kBarriersOfStage * kStages * sizeof(ArrivalBarrier) <= kBarrierBytes);
  constexpr int kSharedBytes = kTileAlignment + kStages * kStageBytes<kTokens> + kBarrierBytes;
  static const cudaError_t allowed =
      cudaFuncSetAttribute(BetweenAttentionKernel<kFp8Values, kTokens, kLinked>,
                           cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes);
  QED_CUDA_CHECK(allowed);
  const int blocks_of_row = BlocksOfRow(args.rows);
  const auto describe = Describe<kFp8Values, kTokens>;
  Params params = {};
  Activations attended = args.attended;
  if (!kFp8Values) attended.bf16 = args.attention;
  params.products[0] = describe(args.o, attended, args.rows, kFp8Values ? args.rows : 0);
  params.products[1] = describe(args.gate_up, args.normed, args.rows, args.rows);
  params.products[2] = describe(args.down, args.gated, args.rows, args.rows * blocks_of_row);
  if (args.next_norm != nullptr) {
    params.products[3] = describe(args.qkv, args.normed, args.rows, args.rows);
  }
  params.num_products = args.next_norm == nullptr ? 3 : 4;
  params.rows = args.rows;
  params.hidden = args.o.n;
  params.inner = args.down.k;
  params.attended_width = args.o.k;
  params.stages = kStages;
  params.blocks_of_row = blocks_of_row;
  params.residual = args.residual;
  params.norm_eps = args.norm_eps;
  params.o_bias = args.o_bias;
  params.norms[0] = args.ffn_norm;
  params.norms[1] = args.next_norm;
  params.attention = args.attention;
  params.attended = attended;
  params.normed = args.normed;
  params.gated = args.gated;
  params.out = args.out;
  if constexpr (kLinked) params.links = *args.links;
  std::byte* own = WorkspaceOf(args.o.format, WidthsOf(args), workspace);
  const Layout layout = LayOut(args.o.format, WidthsOf(args));
  params.progress = reinterpret_cast<Progress*>(own);
  for (int p = 0; p < kProducts; ++p) {
    params.products[p].found = reinterpret_cast<uint32_t*>(own + layout.found[p]);
  }
  Launch(BetweenAttentionKernel<kFp8Values, kTokens, kLinked>, dim3(DeviceMultiprocessors()),
         dim3(kThreads), kSharedBytes, stream, params);
}

template <bool kFp8Values, bool kLinked>
void LaunchForRows(const BetweenAttention& args, std::span<std::byte> workspace,
                   StreamHandle stream) {
  if (args.rows <= 8) return LaunchFor<kFp8Values, 8, kLinked>(args, workspace, stream);
  if (args.rows <= 16) return LaunchFor<kFp8Values, 16, kLinked>(args, workspace, stream);
  LaunchFor<kFp8Values, kBetweenRows, kLinked>(args, workspace, stream);
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
  return std::max(args.o.n, args.o.k) <= kNormVectors * 4 * kMultipliers &&
         args.down.k <= kGateVectors * 4 * kMultipliers * BlocksOfRow(args.rows);
}

size_t BetweenAttentionWorkspace(const LayerWidths& widths) {
  if (!HasFewRowsLinear()) return 0;
  return LayOut(WeightFormat::kFp8, widths).bytes + LayOut(WeightFormat::kBF16, widths).bytes;
}

void RunBetweenAttention(const BetweenAttention& args, std::span<std::byte> workspace,
                         StreamHandle stream) {
  QED_CHECK(HasBetweenAttention(args));
  QED_CHECK_GE(workspace.size(), BetweenAttentionWorkspace(WidthsOf(args)));
  const bool fp8 = args.o.format == WeightFormat::kFp8;
  if (args.links != nullptr) {
    return fp8 ? LaunchForRows<true, true>(args, workspace, stream)
               : LaunchForRows<false, true>(args, workspace, stream);
  }
  return fp8 ? LaunchForRows<true, false>(args, workspace, stream)
             : LaunchForRows<false, false>(args, workspace, stream);
}

}  // namespace qed::cuda
