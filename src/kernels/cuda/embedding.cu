#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/embedding.h"
#include "kernels/cuda/row.cuh"

namespace qed::cuda {
namespace {

__global__ void EmbeddingKernel(int width, int vocab_size, const BFloat16* table,
                                const int32_t* tokens, const int32_t* sampled, float* residual) {
  WaitForKernelBefore();
  const int64_t t = blockIdx.x;
  const int column = 4 * static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
  if (column >= width) return;
  int id = tokens[t];
  if (id < 0) id = sampled[-1 - id];
  if (id < 0 || id >= vocab_size) id = 0;
  StoreFour(residual + t * width + column, LoadFour(table + int64_t{id} * width + column));
}

}  // namespace

void Embedding(int32_t rows, int32_t width, int32_t vocab_size, const BFloat16* table,
               const int32_t* tokens, const int32_t* sampled, float* residual,
               StreamHandle stream) {
  QED_CHECK(rows > 0 && width % 4 == 0);
  constexpr int kThreads = 256;
  const dim3 grid(static_cast<unsigned>(rows),
                  static_cast<unsigned>((width / 4 + kThreads - 1) / kThreads));
  Launch(EmbeddingKernel, grid, dim3(kThreads), 0, stream, width, vocab_size, table, tokens,
         sampled, residual);
}

}  // namespace qed::cuda
