#include <cooperative_groups.h>

#include <algorithm>

#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/cluster.cuh"
#include "kernels/cuda/row.cuh"
#include "kernels/cuda/row_launch.cuh"
#include "kernels/cuda/silu_mul.h"

namespace qed::cuda {
namespace {

// The blocks that share rows on GPUs with clusters.
constexpr int kClusterBlocks = 8;
// With few rows a cluster takes one of them, so that the whole GPU works. With more it
// takes several: their loads are on their way together, and the scales of the columns,
// of twice the bytes of a row, are read once for all of them.
constexpr int32_t kFewRows = 64;
constexpr int kRowsOfCluster = 4;
// With so many, blocks that stay take one row after the other.
constexpr int32_t kManyRows = 1024;
constexpr int kThreadsOfSm = 1024;  // that they have at least, where they fit

// Four columns of gate and up as they lie in memory.
struct RawGated {
  uint2 gate, up;
};

template <int kVectors>
__device__ __forceinline__ void LoadRaw(int64_t t, int width, const RowPart& part,
                                        const Product& gate_up, RawGated (&raw)[kVectors]) {
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = ColumnOf(part, i);
    if (column >= part.end) continue;
    const BFloat16* gate = gate_up.data + t * 2 * width + column;
    raw[i] = {*reinterpret_cast<const uint2*>(gate), *reinterpret_cast<const uint2*>(gate + width)};
  }
}

template <int kVectors>
__device__ __forceinline__ void Gate(const RawGated (&raw)[kVectors], int64_t t, int width,
                                     const RowPart& part, const Product& gate_up,
                                     Four (&row)[kVectors]) {
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = ColumnOf(part, i);
    if (column >= part.end) continue;
    const Four gate = Finish(UnpackFour(raw[i].gate), gate_up, t, column);
    const Four up = Finish(UnpackFour(raw[i].up), gate_up, t, width + column);
#pragma unroll
    for (int j = 0; j < 4; ++j) row[i].v[j] = Silu(gate.v[j]) * up.v[j];
  }
}

// A block takes every gridDim.x'th row; the next one is on its way while it works.
template <int kVectors>
__global__ void __launch_bounds__(kMaxRowThreads<kVectors>)
    SiluMulKernel(int rows, int width, const Product gate_up, const Activations out) {
  WaitForKernelBefore();
  __shared__ float scratch[kWarp];
  const RowPart part = {0, width};
  RawGated raw[kVectors];
  LoadRaw(blockIdx.x, width, part, gate_up, raw);
  for (unsigned t = blockIdx.x; t < static_cast<unsigned>(rows); t += gridDim.x) {
    RawGated next[kVectors] = {};
    if (t + gridDim.x < static_cast<unsigned>(rows)) {
      LoadRaw(t + gridDim.x, width, part, gate_up, next);
    }
    Four row[kVectors];
    Gate(raw, t, width, part, gate_up, row);
    StoreRow(row, part, width, t, out, [&](float value) { return BlockLargest(value, scratch); });
#pragma unroll
    for (int i = 0; i < kVectors; ++i) raw[i] = next[i];
  }
}

// Of each row, over the threads of a block.
template <int kVectors, int kRows>
__device__ __forceinline__ void FindLargest(const Four (&row)[kRows][kVectors], const RowPart& part,
                                            float (*scratch)[kRows], float (&largest)[kRows]) {
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    if (ColumnOf(part, i) >= part.end) continue;
#pragma unroll
    for (int r = 0; r < kRows; ++r) largest[r] = LargestWith(largest[r], row[r][i]);
  }
  BlockLargest(largest, scratch);
}

__host__ __device__ constexpr int ColumnsOfBlock(int width) {
  return (width / 4 + kClusterBlocks - 1) / kClusterBlocks * 4;
}

// A cluster takes kRows rows, each of its blocks a part of their columns.
template <int kVectors, int kRows>
__global__ void __launch_bounds__(kMaxRowThreads<kVectors>) QED_CLUSTER(kClusterBlocks)
    SiluMulClusterKernel(int rows, int width, const Product gate_up, const Activations out) {
#if __CUDA_ARCH__ >= 900
  __shared__ float scratch[kWarp][kRows], of_blocks[kClusterBlocks][kRows];
  const auto cluster = cooperative_groups::this_cluster();
  cluster.barrier_arrive();  // Waited for before another block's memory is written.
  WaitForKernelBefore();
  const int rank = static_cast<int>(blockIdx.x % kClusterBlocks);
  const RowPart part = {min(rank * ColumnsOfBlock(width), width),
                        min((rank + 1) * ColumnsOfBlock(width), width)};
  const int first = static_cast<int>(blockIdx.x / kClusterBlocks) * kRows;
  // Beyond the last row the last is computed again: without a branch between them
  // the rows share the loads of the scales.
  const auto row_id = [&](int r) { return min(first + r, rows - 1); };
  RawGated raw[kRows][kVectors];
#pragma unroll
  for (int r = 0; r < kRows; ++r) LoadRaw(row_id(r), width, part, gate_up, raw[r]);
  Four row[kRows][kVectors];
#pragma unroll
  for (int r = 0; r < kRows; ++r) Gate(raw[r], row_id(r), width, part, gate_up, row[r]);
  float largest[kRows] = {};
  if (FindsScale(out)) FindLargest(row, part, scratch, largest);
  cluster.barrier_wait();
  if (FindsScale(out)) {
    const unsigned peer = threadIdx.x % kClusterBlocks;
    if (threadIdx.x < kClusterBlocks) {
      float* there = cluster.map_shared_rank(&of_blocks[rank][0], peer);
#pragma unroll
      for (int r = 0; r < kRows; ++r) there[r] = largest[r];
    }
    cluster.sync();
#pragma unroll
    for (int r = 0; r < kRows; ++r) largest[r] = WarpLargest(of_blocks[peer][r]);
  }
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    StoreRow(row[r], part, width, row_id(r), out, [&](float) { return largest[r]; });
  }
#endif
}

template <int kVectors, int kRows>
void LaunchClusters(int32_t rows, int32_t width, const Product& gate_up, const Activations& out,
                    dim3 block, StreamHandle stream) {
  const dim3 grid(static_cast<unsigned>((rows + kRows - 1) / kRows * kClusterBlocks));
  Launch(SiluMulClusterKernel<kVectors, kRows>, grid, block, 0, stream, rows, width, gate_up, out);
}

}  // namespace

void SiluMul(int32_t rows, int32_t width, const Product& gate_up, const Activations& out,
             StreamHandle stream) {
  QED_CHECK(rows > 0);
  if (rows >= kManyRows || !DeviceHasClusters()) {
    return LaunchForRows(rows, width, [&](auto vectors, dim3 grid, dim3 block) {
      const unsigned blocks_of_sm = std::max(1U, kThreadsOfSm / block.x);
      grid.x = std::min(grid.x, blocks_of_sm * DeviceMultiprocessors());
      Launch(SiluMulKernel<vectors()>, grid, block, 0, stream, rows, width, gate_up, out);
    });
  }
  LaunchForRows(rows, ColumnsOfBlock(width), [&](auto vectors, dim3, dim3 block) {
    // A block has no more columns than two vectors a thread (kMaxRowWidth).
    constexpr int kVectors = std::min(2, decltype(vectors)::value);
    if (rows <= kFewRows) {
      return LaunchClusters<kVectors, 1>(rows, width, gate_up, out, block, stream);
    }
    LaunchClusters<kVectors, kRowsOfCluster>(rows, width, gate_up, out, block, stream);
  });
}

}  // namespace qed::cuda
