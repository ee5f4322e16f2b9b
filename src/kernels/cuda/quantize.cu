#include "base/check.h"
#include "cuda/early_start.cuh"
#include "cuda/launch.cuh"
#include "kernels/cuda/quantize.h"
#include "kernels/cuda/row.cuh"
#include "kernels/cuda/row_launch.cuh"

namespace qed::cuda {
namespace {

// A block a row.
template <int kVectors>
__global__ void __launch_bounds__(kMaxRowThreads<kVectors>)
    QuantizeRowsKernel(int width, const BFloat16* x, const Activations out) {
  LetNextKernelStart();
  WaitForKernelBefore();
  __shared__ float scratch[kWarp];
  const int64_t t = blockIdx.x;
  const RowPart part = {0, width};
  Four row[kVectors];
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = ColumnOf(part, i);
    if (column < part.end) row[i] = LoadFour(x + t * width + column);
  }
  StoreRow(row, part, width, t, out, [&](float value) { return BlockLargest(value, scratch); });
}

}  // namespace

void QuantizeRows(int32_t rows, int32_t width, const BFloat16* x, const Activations& out,
                  StreamHandle stream) {
  QED_CHECK(rows > 0 && out.format == ActivationFormat::kFp8);
  LaunchForRows(rows, width, [&](auto vectors, dim3 grid, dim3 block) {
    Launch(QuantizeRowsKernel<vectors()>, grid, block, 0, stream, width, x, out);
  });
}

}  // namespace qed::cuda
