#include <cooperative_groups.h>

#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/cluster.cuh"
#include "kernels/cuda/row.cuh"
#include "kernels/cuda/row_launch.cuh"
#include "kernels/cuda/silu_mul.h"

namespace qed::cuda {
namespace {

// The blocks that share a row where there are few rows, and most rows they do so for:
// with more the GPU is full with a block a row.
constexpr int kClusterBlocks = 8;
constexpr int32_t kMostClusterRows = 256;

// The exponential of a very negative gate is infinite, and the quotient 0 as wanted.
__device__ __forceinline__ float Silu(float x) { return __fdividef(x, 1.0F + __expf(-x)); }

template <int kVectors, typename Largest>
__device__ __forceinline__ void SiluMulRow(int64_t t, int width, const RowPart& part,
                                           const Product& gate_up, const Activations& out,
                                           Largest largest) {
  Four row[kVectors];
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = ColumnOf(part, i);
    if (column >= part.end) continue;
    const Four gate = LoadProduct(gate_up, 2 * int64_t{width}, t, column);
    const Four up = LoadProduct(gate_up, 2 * int64_t{width}, t, width + column);
#pragma unroll
    for (int j = 0; j < 4; ++j) row[i].v[j] = Silu(gate.v[j]) * up.v[j];
  }
  StoreRow(row, part, width, t, out, largest);
}

// A block a row.
template <int kVectors>
__global__ void __launch_bounds__(kMaxRowThreads<kVectors>)
    SiluMulKernel(int width, const Product gate_up, const Activations out) {
  WaitForKernelBefore();
  __shared__ float scratch[kWarp];
  SiluMulRow<kVectors>(blockIdx.x, width, {0, width}, gate_up, out,
                       [&](float value) { return BlockLargest(value, scratch); });
}

// A cluster a row.
template <int kVectors>
__global__ void __launch_bounds__(kMaxRowThreads<kVectors>) QED_CLUSTER(kClusterBlocks)
    SiluMulClusterKernel(int width, const Product gate_up, const Activations out) {
#if __CUDA_ARCH__ >= 900
  __shared__ float scratch[kWarp], of_blocks[kClusterBlocks];
  const auto cluster = cooperative_groups::this_cluster();
  cluster.barrier_arrive();  // Waited for before another block's memory is written.
  WaitForKernelBefore();
  const int rank = static_cast<int>(blockIdx.x % kClusterBlocks);
  const int columns = (width / 4 + kClusterBlocks - 1) / kClusterBlocks * 4;
  const RowPart part = {min(rank * columns, width), min((rank + 1) * columns, width)};
  bool exchanged = false;
  SiluMulRow<kVectors>(blockIdx.x / kClusterBlocks, width, part, gate_up, out, [&](float value) {
    const float of_block = BlockLargest(value, scratch);
    cluster.barrier_wait();
    if (threadIdx.x < kClusterBlocks) {
      *cluster.map_shared_rank(&of_blocks[rank], threadIdx.x) = of_block;
    }
    cluster.sync();
    exchanged = true;
    float all = of_blocks[0];
#pragma unroll
    for (int b = 1; b < kClusterBlocks; ++b) all = LargerMagnitude(all, of_blocks[b]);
    return all;
  });
  if (!exchanged) cluster.barrier_wait();
#endif
}

}  // namespace

void SiluMul(int32_t rows, int32_t width, const Product& gate_up, const Activations& out,
             StreamHandle stream) {
  QED_CHECK(rows > 0);
  if (rows > kMostClusterRows || !DeviceOverlapsLaunches()) {
    return LaunchForRows(rows, width, [&](auto vectors, dim3 grid, dim3 block) {
      Launch(SiluMulKernel<vectors()>, grid, block, 0, stream, width, gate_up, out);
    });
  }
  const int32_t columns = (width / 4 + kClusterBlocks - 1) / kClusterBlocks * 4;
  LaunchForRows(rows, columns, [&](auto vectors, dim3 grid, dim3 block) {
    grid.x *= kClusterBlocks;
    Launch(SiluMulClusterKernel<vectors()>, grid, block, 0, stream, width, gate_up, out);
  });
}

}  // namespace qed::cuda
