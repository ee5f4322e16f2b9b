// The weight is the tall operand: a tile of it is multiplied by all rows of x at once. The
// products' steps (a tile's 128 bytes of columns) are numbered through, tile after tile, and
// cut into one range for each block, so that all blocks read the same number of bytes. One warp
// of a block keeps its ring of shared memory full; it fills it with weights, which nobody has to
// wait for, before the kernel that writes x has ended. Where a tile's steps fall to several
// blocks, the last of them to end adds up what all of them found, in their order.
#include <cuda_runtime.h>

#include <algorithm>

#include "base/check.h"
#include "cuda/early_start.cuh"
#include "cuda/launch.cuh"
#include "kernels/cuda/few_rows_linear.h"
#include "kernels/cuda/few_rows_steps.cuh"
#include "kernels/cuda/tensor_map.cuh"

namespace qed::cuda {
namespace {

constexpr int kThreads = kGroups * kGroupThreads + kWarp;
// Two blocks fit a multiprocessor: one that works and one of the next product, which waits.
constexpr int kRingBytes = 108 << 10;
constexpr int kBarrierBytes = 1024;
constexpr int kMostTiles = 8192;
constexpr size_t kCounterBytes = size_t{kMostTiles} * kGroups * sizeof(int32_t);

struct Params {
  CUtensorMap weight;
  CUtensorMap x;
  BFloat16* y;
  float4* partial;    // [2 * blocks] tiles: of a block's first tile and of its last
  int32_t* counters;  // [tiles, kGroups]: blocks that are done with the tile
  Shares shares;
  int n;
  int rows;
  int stages;  // of the ring
};

template <bool kFp8Values, int kTokens>
__device__ __forceinline__ void Fill(const Params& params, const Ring<kTokens>& ring) {
  constexpr int kStepColumns = kFp8Values ? kOperandBytes : kOperandBytes / 2;
  const Shares& shares = params.shares;
  const int first = shares.First(static_cast<int>(blockIdx.x));
  const int end = shares.First(static_cast<int>(blockIdx.x) + 1);
  const auto copy_weights = [&](int step, int stage) {
    ring.weights_there[stage].ArriveAndExpect(kTileBytes);
    CopyTile(ring.Weights(stage), params.weight, step % shares.steps_of_tile * kStepColumns,
             step / shares.steps_of_tile * kTileRows, ring.weights_there[stage],
             CachePolicy::kReadOnce);
  };
  const auto copy_rows = [&](int step, int stage) {
    ring.rows_there[stage].ArriveAndExpect(kRowsBytes<kTokens>);
    CopyTile(ring.Rows(stage), params.x, step % shares.steps_of_tile * kStepColumns, 0,
             ring.rows_there[stage], CachePolicy::kReadAgain);
  };
  const int ahead = min(params.stages, end - first);
  for (int i = 0; i < ahead; ++i) copy_weights(first + i, i);
  WaitForKernelBefore();
  for (int i = 0; i < ahead; ++i) copy_rows(first + i, i);
  Place place;
  for (int step = first + params.stages; step < end; ++step) {
    ring.emptied[place.stage].Wait(place.parity);
    copy_weights(step, place.stage);
    copy_rows(step, place.stage);
    place.Next(params.stages);
  }
}

template <int kTokens>
__device__ __forceinline__ void Store(const Params& params, int tile, int group,
                                      const Sums<kTokens>& sums) {
  const int thread = static_cast<int>(threadIdx.x) % kGroupThreads;
  const int first_n =
      tile * kTileRows + group * kGroupRows + thread / kWarp * 16 + thread % kWarp / 4;
  const int first_t = thread % 4 * 2;
#pragma unroll
  for (int i = 0; i < Sums<kTokens>::kValues; ++i) {
    const int n = first_n + i % 4 / 2 * 8, t = first_t + i / 4 * 8 + i % 2;
    if (n >= params.n || t >= params.rows) continue;
    params.y[int64_t{t} * params.n + n].bits =
        static_cast<uint16_t>(PackBf16(sums.v[i], 0.0F) & 0xffffU);
  }
}

// This thread's first vector of a block's part of a tile.
template <int kTokens>
__device__ __forceinline__ float4* PartialOf(const Params& params, int slot, int group) {
  constexpr int kVectors = kTokens / 8;
  const int thread = static_cast<int>(threadIdx.x) % kGroupThreads;
  return params.partial + int64_t{slot * kGroups + group} * kVectors * kGroupThreads + thread;
}

// Leaves the sums of a part of a tile for whoever is last; true for that one, who has then the
// sums of the whole tile.
template <int kTokens>
__device__ __forceinline__ bool Combine(const Params& params, int tile, bool has_first_step,
                                        int group, Sums<kTokens>& sums) {
  __shared__ bool is_last[kGroups];
  constexpr int kVectors = kTokens / 8;
  const Shares& shares = params.shares;
  const int slot = 2 * static_cast<int>(blockIdx.x) + (has_first_step ? 1 : 0);
  float4* own = PartialOf<kTokens>(params, slot, group);
#pragma unroll
  for (int j = 0; j < kVectors; ++j) {
    own[j * kGroupThreads] =
        make_float4(sums.v[4 * j], sums.v[4 * j + 1], sums.v[4 * j + 2], sums.v[4 * j + 3]);
  }
  __threadfence();
  SyncGroup(group);
  const int first = shares.BlockOf(tile * shares.steps_of_tile);
  const int last = shares.BlockOf((tile + 1) * shares.steps_of_tile - 1);
  if (threadIdx.x % kGroupThreads == 0) {
    int32_t* counter = params.counters + tile * kGroups + group;
    is_last[group] = atomicAdd(counter, 1) == last - first;
    if (is_last[group]) *counter = 0;  // for the next product
  }
  SyncGroup(group);
  if (!is_last[group]) return false;
  __threadfence();
  // As many loads at a time as there are registers to spare.
  constexpr int kAtOnce = 8 / kVectors;
  for (int base = first; base <= last; base += kAtOnce) {
    float4 parts[kAtOnce][kVectors];
#pragma unroll
    for (int b = 0; b < kAtOnce; ++b) {
      if (base + b > last) continue;
      const int slot_of_block = 2 * (base + b) + (base + b == first ? 1 : 0);
      const float4* part = PartialOf<kTokens>(params, slot_of_block, group);
#pragma unroll
      for (int j = 0; j < kVectors; ++j) parts[b][j] = __ldcg(part + j * kGroupThreads);
    }
#pragma unroll
    for (int b = 0; b < kAtOnce; ++b) {
      if (base + b > last) continue;
#pragma unroll
      for (int j = 0; j < kVectors; ++j) {
        const float v[4] = {parts[b][j].x, parts[b][j].y, parts[b][j].z, parts[b][j].w};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          sums.v[4 * j + i] = base + b == first ? v[i] : sums.v[4 * j + i] + v[i];
        }
      }
    }
  }
  return true;
}

template <bool kFp8Values, int kTokens>
__device__ __forceinline__ void Multiply(const Params& params, const Ring<kTokens>& ring,
                                         int group) {
  WaitForKernelBefore();
  const Shares& shares = params.shares;
  const int end = shares.First(static_cast<int>(blockIdx.x) + 1);
  Place place;
  for (int step = shares.First(static_cast<int>(blockIdx.x)); step < end;) {
    const int tile = step / shares.steps_of_tile;
    const int tile_first = tile * shares.steps_of_tile,
              tile_end = tile_first + shares.steps_of_tile;
    const bool has_first_step = step == tile_first, has_last_step = end >= tile_end;
    Sums<kTokens> sums = {};
    SumSteps<kFp8Values, kTokens>(ring, params.stages, min(end, tile_end) - step, group, place,
                                  sums);
    step = min(end, tile_end);
    if ((has_first_step && has_last_step) ||
        Combine<kTokens>(params, tile, has_first_step, group, sums)) {
      Store<kTokens>(params, tile, group, sums);
    }
  }
}

// Grid: shares.blocks.
template <bool kFp8Values, int kTokens>
__global__ void __launch_bounds__(kThreads, 2)
    FewRowsKernel(const __grid_constant__ Params params) {
#if __CUDA_ARCH__ >= 900
  LetNextKernelStart();
  extern __shared__ uint8_t shared[];
  Ring<kTokens> ring(shared, params.stages);
  if (threadIdx.x == 0) ring.Init(params.stages, kGroups);
  __syncthreads();
  const int group = static_cast<int>(threadIdx.x) / kGroupThreads;
  if (group < kGroups) {
    Multiply<kFp8Values, kTokens>(params, ring, group);
  } else if (threadIdx.x % kWarp == 0) {
    Fill<kFp8Values, kTokens>(params, ring);
  }
#endif
}

template <bool kFp8Values, int kTokens>
void LaunchFewRows(const DeviceWeight& weight, const void* x, int32_t rows, BFloat16* y,
                   std::span<std::byte> workspace, StreamHandle stream) {
  constexpr int kStages = (kRingBytes - kTileAlignment - kBarrierBytes) / kStageBytes<kTokens>;
  static_assert(kStages >= 2 &&
                kBarriersOfStage * kStages * sizeof(ArrivalBarrier) <= kBarrierBytes);
  constexpr int kSharedBytes = kTileAlignment + kStages * kStageBytes<kTokens> + kBarrierBytes;
  static const cudaError_t allowed =
      cudaFuncSetAttribute(FewRowsKernel<kFp8Values, kTokens>,
                           cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes);
  QED_CUDA_CHECK(allowed);
  constexpr MatrixValues kValues = kFp8Values ? MatrixValues::kBytes : MatrixValues::kBf16;
  Params params = {};
  params.weight = DescribeMatrix(kValues, weight.data, weight.n, weight.k, kTileRows);
  params.x = DescribeMatrix(kValues, x, rows, weight.k, kTokens);
  params.y = y;
  params.counters = reinterpret_cast<int32_t*>(workspace.data());
  params.partial = reinterpret_cast<float4*>(workspace.data() + kCounterBytes);
  params.shares = ShareOut(weight.n, int64_t{weight.k} * (kFp8Values ? 1 : 2),
                           static_cast<int>(DeviceMultiprocessors()));
  params.n = weight.n;
  params.rows = rows;
  params.stages = kStages;
  Launch(FewRowsKernel<kFp8Values, kTokens>, dim3(static_cast<unsigned>(params.shares.blocks)),
         dim3(kThreads), kSharedBytes, stream, params);
}

template <bool kFp8Values>
void LaunchForRows(const DeviceWeight& weight, const void* x, int32_t rows, BFloat16* y,
                   std::span<std::byte> workspace, StreamHandle stream) {
  if (rows <= 8) return LaunchFewRows<kFp8Values, 8>(weight, x, rows, y, workspace, stream);
  if (rows <= 16) return LaunchFewRows<kFp8Values, 16>(weight, x, rows, y, workspace, stream);
  if (rows <= 32) return LaunchFewRows<kFp8Values, 32>(weight, x, rows, y, workspace, stream);
  LaunchFewRows<kFp8Values, 64>(weight, x, rows, y, workspace, stream);
}

}  // namespace

bool HasFewRowsLinear() { return DeviceHasWarpgroupProducts() && HasMatrixDescriptions(); }

size_t FewRowsWorkspace() {
  return kCounterBytes + size_t{2} * DeviceMultiprocessors() * kTileRows * kFewRows * sizeof(float);
}

Product MultiplyFewRows(const DeviceWeight& weight, const Activations& x, int32_t rows, BFloat16* y,
                        std::span<std::byte> workspace, StreamHandle stream) {
  QED_CHECK(rows >= 1 && rows <= kFewRows) << rows;
  QED_CHECK(x.format == ActivationsFor(weight.format));
  QED_CHECK_GE(workspace.size(), FewRowsWorkspace());
  QED_CHECK_LE(TilesOf(weight.n), kMostTiles);
  Product product;
  product.data = y;
  if (weight.format == WeightFormat::kFp8) {
    QED_CHECK(weight.k % 16 == 0) << weight.k;
    LaunchForRows<true>(weight, x.fp8, rows, y, workspace, stream);
    product.row_scales = x.scales;
    product.column_scales = weight.scales;
    return product;
  }
  QED_CHECK(weight.format == WeightFormat::kBF16 && weight.k % 8 == 0) << weight.k;
  LaunchForRows<false>(weight, x.bf16, rows, y, workspace, stream);
  return product;
}

}  // namespace qed::cuda
