// What kernels for products of few rows share: how a product's steps are shared out over
// blocks, the ring of shared memory through which a block's weights and rows come, and the
// sums over a run of steps.
#ifndef QED_KERNELS_CUDA_FEW_ROWS_STEPS_CUH_
#define QED_KERNELS_CUDA_FEW_ROWS_STEPS_CUH_

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "kernels/cuda/copy_engine.cuh"
#include "kernels/cuda/row.cuh"
#include "kernels/cuda/warpgroup_product.cuh"

namespace qed::cuda {

inline constexpr int kGroups = 2;  // warpgroups that multiply, each its own rows of the tile
inline constexpr int kTileRows = kGroups * kGroupRows;
inline constexpr int kTileBytes = kTileRows * kOperandBytes;
inline constexpr int kStepsOfBlock = 4;      // that are worth a block
inline constexpr int kMostParts = 5;         // of a tile: blocks that share it
inline constexpr int kTileAlignment = 1024;  // in shared memory

// How the steps are shared out. Step s is columns [s % steps_of_tile] of tile
// s / steps_of_tile.
struct Shares {
  int steps_of_tile;
  int steps;
  int blocks;

  // Of a block; `steps` of one that has none.
  __host__ __device__ int First(int block) const {
    const int shared = block < blocks ? block : blocks;
    return static_cast<int>(static_cast<unsigned>(shared * steps) / static_cast<unsigned>(blocks));
  }
  // The block that has the step.
  __host__ __device__ int BlockOf(int step) const {
    return static_cast<int>(static_cast<unsigned>((step + 1) * blocks - 1) /
                            static_cast<unsigned>(steps));
  }
};

inline int TilesOf(int32_t n) { return (n + kTileRows - 1) / kTileRows; }

// Of a weight of n rows of so many bytes, over at most so many blocks.
inline Shares ShareOut(int32_t n, int64_t row_bytes, int blocks) {
  const int steps_of_tile = static_cast<int>((row_bytes + kOperandBytes - 1) / kOperandBytes);
  const int steps = TilesOf(n) * steps_of_tile;
  QED_CHECK_LE(int64_t{steps + 1} * (blocks + 1), INT32_MAX) << n;
  const int wanted =
      std::min((steps + kStepsOfBlock - 1) / kStepsOfBlock, (kMostParts - 1) * TilesOf(n));
  return {steps_of_tile, steps, std::clamp(wanted, 1, blocks)};
}

inline constexpr int kBarriersOfStage = 3;
template <int kTokens>
inline constexpr int kRowsBytes = kTokens* kOperandBytes;
template <int kTokens>
inline constexpr int kStageBytes = kTileBytes + kRowsBytes<kTokens>;

// A block's shared memory: of each stage a tile of the weight and the rows of x, whether they
// have come, and whether they have been used.
template <int kTokens>
struct Ring {
  uint8_t* stages;
  ArrivalBarrier* weights_there;
  ArrivalBarrier* rows_there;
  ArrivalBarrier* emptied;

  __device__ Ring(uint8_t* shared, int count) {
    const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
    stages = shared + (kTileAlignment - address % kTileAlignment) % kTileAlignment;
    weights_there = reinterpret_cast<ArrivalBarrier*>(stages + count * kStageBytes<kTokens>);
    rows_there = weights_there + count;
    emptied = rows_there + count;
  }
  // One thread calls it. `groups` warpgroups use each stage.
  __device__ void Init(int count, int groups) {
    for (int i = 0; i < count; ++i) {
      weights_there[i].Init(1);
      rows_there[i].Init(1);
      emptied[i].Init(static_cast<uint32_t>(groups * kGroupThreads / kWarp));
    }
    ArrivalBarrier::EndInit();
  }
  __device__ uint32_t Weights(int stage) const {
    return static_cast<uint32_t>(__cvta_generic_to_shared(stages + stage * kStageBytes<kTokens>));
  }
  __device__ uint32_t Rows(int stage) const { return Weights(stage) + kTileBytes; }
};

// Where one walks round the ring.
struct Place {
  int stage = 0;
  uint32_t parity = 0;

  __device__ void Next(int stages) {
    if (++stage == stages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

// A thread's part of a tile's sums (kernels/cuda/warpgroup_product.cuh).
template <int kTokens>
struct Sums {
  static constexpr int kValues = kTokens / 2;
  float v[kValues];
};

// Barrier of one warpgroup.
__device__ __forceinline__ void SyncGroup(int group) {
  asm volatile("bar.sync %0, %1;\n" ::"r"(group + 1), "n"(kGroupThreads) : "memory");
}

// Sets the products of a stage on their way, once its bytes are there.
template <bool kFp8Values, int kTokens>
__device__ __forceinline__ void StartStep(const Ring<kTokens>& ring, const Place& place, int group,
                                          float (&found)[kTokens / 2]) {
  ring.weights_there[place.stage].Wait(place.parity);
  ring.rows_there[place.stage].Wait(place.parity);
  const uint32_t weights = ring.Weights(place.stage) + group * kGroupRows * kOperandBytes;
  BeginProducts();
#pragma unroll
  for (int at = 0; at < kOperandBytes; at += kProductBytes) {
    MultiplyGroup<kFp8Values>(found, OperandAt(weights + at),
                              OperandAt(ring.Rows(place.stage) + at), at > 0);
  }
}

// Adds up the next kSteps steps, whose products are on their way together.
template <bool kFp8Values, int kSteps, int kTokens>
__device__ __forceinline__ void SumTogether(const Ring<kTokens>& ring, int stages, int group,
                                            Place& place, Sums<kTokens>& sums) {
  float found[kSteps][kTokens / 2];
  int used[kSteps];
#pragma unroll
  for (int i = 0; i < kSteps; ++i) {
    used[i] = place.stage;
    StartStep<kFp8Values>(ring, place, group, found[i]);
    place.Next(stages);
  }
  EndProducts();
#pragma unroll
  for (int i = 0; i < kSteps; ++i) WaitForProducts(found[i]);
#pragma unroll
  for (int i = 0; i < kSteps; ++i) {
    if (threadIdx.x % kWarp == 0) ring.emptied[used[i]].Arrive();
#pragma unroll
    for (int j = 0; j < Sums<kTokens>::kValues; ++j) sums.v[j] += found[i][j];
  }
}

// Adds up the next `steps` steps, one after the other.
template <bool kFp8Values, int kTokens>
__device__ __forceinline__ void SumSteps(const Ring<kTokens>& ring, int stages, int steps,
                                         int group, Place& place, Sums<kTokens>& sums) {
  constexpr int kTogether = kTokens <= 32 ? 2 : 1;  // as registers allow
  for (; steps >= kTogether; steps -= kTogether) {
    SumTogether<kFp8Values, kTogether>(ring, stages, group, place, sums);
  }
  if (steps > 0) SumTogether<kFp8Values, 1>(ring, stages, group, place, sums);
}

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_FEW_ROWS_STEPS_CUH_
