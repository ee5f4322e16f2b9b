#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/row.cuh"
#include "kernels/cuda/row_launch.cuh"
#include "kernels/cuda/silu_mul.h"

namespace qed::cuda {
namespace {

// The exponential of a very negative gate is infinite, and the quotient 0 as wanted.
__device__ __forceinline__ float Silu(float x) { return x / (1.0F + __expf(-x)); }

// A block a row.
template <int kVectors>
__global__ void __launch_bounds__(kMaxRowThreads<kVectors>)
    SiluMulKernel(int width, const Product gate_up, const Activations out) {
  WaitForKernelBefore();
  __shared__ float scratch[kWarp];
  const int64_t t = blockIdx.x;
  Four row[kVectors];
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = ColumnOf(i);
    if (column >= width) continue;
    const Four gate = LoadProduct(gate_up, 2 * int64_t{width}, t, column);
    const Four up = LoadProduct(gate_up, 2 * int64_t{width}, t, width + column);
#pragma unroll
    for (int j = 0; j < 4; ++j) row[i].v[j] = Silu(gate.v[j]) * up.v[j];
  }
  StoreRow<kVectors>(row, width, t, out, scratch);
}

}  // namespace

void SiluMul(int32_t rows, int32_t width, const Product& gate_up, const Activations& out,
             StreamHandle stream) {
  QED_CHECK(rows > 0);
  LaunchForRows(rows, width, [&](auto vectors, dim3 grid, dim3 block) {
    Launch(SiluMulKernel<vectors()>, grid, block, 0, stream, width, gate_up, out);
  });
}

}  // namespace qed::cuda
