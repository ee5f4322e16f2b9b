#include <cuda_bf16.h>

#include <algorithm>

#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/magnitudes.h"

namespace qed::cuda {
namespace {

constexpr int kThreads = 1024;
constexpr size_t kSharedBytes = kMagnitudes * sizeof(uint32_t);

// Few values have most of the counts: each block counts by itself, and adds up at its end.
__global__ void __launch_bounds__(kThreads)
    CountMagnitudesKernel(int64_t values, int width, int64_t stride, const BFloat16* x,
                          const float* bias, uint64_t* counts) {
  extern __shared__ uint32_t block_counts[];
  for (int i = static_cast<int>(threadIdx.x); i < kMagnitudes; i += kThreads) block_counts[i] = 0;
  __syncthreads();
  WaitForKernelBefore();
  const int64_t step = int64_t{gridDim.x} * kThreads;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < values; i += step) {
    const int64_t row = i / width, column = i - row * width;
    uint16_t bits = x[row * stride + column].bits;
    if (bias != nullptr) {
      const float sum = __bfloat162float(__ushort_as_bfloat16(bits)) + bias[column];
      bits = __bfloat16_as_ushort(__float2bfloat16_rn(sum));
    }
    atomicAdd(&block_counts[bits & (kMagnitudes - 1)], 1U);
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kMagnitudes; i += kThreads) {
    if (block_counts[i] == 0) continue;
    atomicAdd(reinterpret_cast<unsigned long long*>(counts + i),
              static_cast<unsigned long long>(block_counts[i]));
  }
}

}  // namespace

void CountMagnitudes(int32_t rows, int32_t width, int64_t stride, const BFloat16* x,
                     const float* bias, uint64_t* counts, StreamHandle stream) {
  const int64_t values = int64_t{rows} * width;
  QED_CHECK(rows > 0 && width > 0 && values < (int64_t{1} << 32));
  static const cudaError_t allowed = cudaFuncSetAttribute(
      CountMagnitudesKernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes);
  QED_CUDA_CHECK(allowed);
  const int64_t blocks = (values + kThreads - 1) / kThreads;
  const auto grid =
      static_cast<unsigned>(std::min<int64_t>(blocks, int64_t{DeviceMultiprocessors()}));
  Launch(CountMagnitudesKernel, dim3(grid), dim3(kThreads), kSharedBytes, stream, values, width,
         stride, x, bias, counts);
}

}  // namespace qed::cuda
