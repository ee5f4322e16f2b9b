#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/rms_norm_row.cuh"
#include "kernels/cuda/row.cuh"
#include "kernels/cuda/row_launch.cuh"

namespace qed::cuda {
namespace {

// A block a row.
template <int kVectors>
__global__ void __launch_bounds__(kMaxRowThreads<kVectors>)
    AddRmsNormKernel(int width, const RmsNormArgs args) {
  WaitForKernelBefore();
  __shared__ RowFacts scratch[kWarp];
  const int64_t t = blockIdx.x;
  const int64_t source = args.row_ids == nullptr ? t : args.row_ids[t];
  const RowPart part = {0, width};
  float* residual = args.residual + source * width;
  Four row[kVectors];
  RowFacts facts = {0, 0};
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = ColumnOf(part, i);
    if (column >= part.end) continue;
    row[i] = LoadFour(residual + column);
    const Four weight = LoadFour(args.weight + column);
    if (args.delta.data != nullptr) {
      const Four delta = LoadProduct(args.delta, width, source, column);
#pragma unroll
      for (int j = 0; j < 4; ++j) row[i].v[j] += delta.v[j];
      if (args.row_ids == nullptr) StoreFour(residual + column, row[i]);
    }
    WeighFour(row[i], weight, facts);
  }
  facts = FactsOfBlock(facts, scratch);
  const float factor = NormFactor(facts, width, args.eps);
  ScaleRow(row, factor);
  StoreRow(row, part, width, t, args.out, [&](float) { return factor * facts.largest; });
}

}  // namespace

void AddRmsNorm(int32_t rows, int32_t width, const RmsNormArgs& args, StreamHandle stream) {
  QED_CHECK(rows > 0);
  LaunchForRows(rows, width, [&](auto vectors, dim3 grid, dim3 block) {
    Launch(AddRmsNormKernel<vectors()>, grid, block, 0, stream, width, args);
  });
}

}  // namespace qed::cuda
