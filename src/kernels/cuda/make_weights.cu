#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/make_weights.h"
#include "kernels/cuda/row.cuh"

namespace qed::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kMaxBlocks = 4096;  // of kernels that go on until all is done

dim3 BlocksFor(int64_t items) {
  const int64_t blocks = (items + kThreads - 1) / kThreads;
  return dim3(static_cast<unsigned>(blocks < kMaxBlocks ? blocks : kMaxBlocks));
}

// A word, eight values, a thread at a time.
__global__ void FillBf16Kernel(RandomFill fill, int64_t first_word, int64_t words, BFloat16* out) {
  WaitForKernelBefore();
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t w = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; w < words; w += step) {
    const uint64_t bits = RandomFillWord(fill.stream, static_cast<uint64_t>(first_word + w));
    uint4 packed;
    uint32_t* pairs = &packed.x;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      pairs[i] =
          PackBf16(RandomFillValue(fill, bits, 2 * i), RandomFillValue(fill, bits, 2 * i + 1));
    }
    reinterpret_cast<uint4*>(out)[w] = packed;
  }
}

__global__ void FillF32Kernel(RandomFill fill, int64_t count, float* out) {
  WaitForKernelBefore();
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) {
    out[i] = RandomFillAt(fill, static_cast<uint64_t>(i));
  }
}

__global__ void LargestKernel(const BFloat16* x, int64_t fours, float* largest) {
  WaitForKernelBefore();
  __shared__ float scratch[kWarp];
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  float found = 0;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < fours; i += step) {
    found = LargestWith(found, LoadFour(x + 4 * i));
  }
  found = BlockLargest(found, scratch);
  // Magnitudes are in the order of their bits, NaN above all numbers.
  if (threadIdx.x == 0) atomicMax(reinterpret_cast<unsigned*>(largest), FloatBits(found));
}

template <WeightFormat kFormat>
__device__ __forceinline__ uint32_t CodeOf(float value) {
  if constexpr (kFormat == WeightFormat::kFp8) return FloatToFp8(value);
  return static_cast<uint8_t>(FloatToInt8(value));
}

// A block a row; the second pass finds the row in the cache.
template <WeightFormat kFormat>
__global__ void QuantizeKernel(int k, const BFloat16* x, const float* largest, std::byte* codes,
                               float* scales) {
  WaitForKernelBefore();
  __shared__ float scratch[kWarp];
  constexpr float kLargest = kFormat == WeightFormat::kFp8 ? kFp8Largest : kInt8Largest;
  const int64_t row = blockIdx.x;
  x += row * k;
  float found = 0;
  if (largest != nullptr) {
    found = *largest;
  } else {
    for (int c = 4 * static_cast<int>(threadIdx.x); c < k; c += 4 * kThreads) {
      found = LargestWith(found, LoadFour(x + c));
    }
    found = BlockLargest(found, scratch);
  }
  const EightBitScale scale = ScaleFor(found, kLargest);
  if (threadIdx.x == 0) scales[row] = scale.scale;
  for (int c = 4 * static_cast<int>(threadIdx.x); c < k; c += 4 * kThreads) {
    const Four four = LoadFour(x + c);
    uint32_t packed = 0;
#pragma unroll
    for (int j = 0; j < 4; ++j) packed |= CodeOf<kFormat>(four.v[j] * scale.inverse) << (8 * j);
    *reinterpret_cast<uint32_t*>(codes + row * k + c) = packed;
  }
}

}  // namespace

void FillRandom(const RandomFill& fill, int64_t first, int64_t count, BFloat16* out,
                StreamHandle stream) {
  QED_CHECK(first >= 0 && first % 8 == 0 && count > 0 && count % 8 == 0) << first << " " << count;
  Launch(FillBf16Kernel, BlocksFor(count / 8), dim3(kThreads), 0, stream, fill, first / 8,
         count / 8, out);
}

void FillRandom(const RandomFill& fill, int64_t count, float* out, StreamHandle stream) {
  QED_CHECK(count > 0) << count;
  Launch(FillF32Kernel, BlocksFor(count), dim3(kThreads), 0, stream, fill, count, out);
}

void AddLargestMagnitude(const BFloat16* x, int64_t count, float* largest, StreamHandle stream) {
  QED_CHECK(count > 0 && count % 4 == 0) << count;
  Launch(LargestKernel, BlocksFor(count / 4), dim3(kThreads), 0, stream, x, count / 4, largest);
}

void QuantizeWeightRows(WeightFormat format, int32_t rows, int32_t k, const BFloat16* x,
                        const float* largest, std::byte* codes, float* scales,
                        StreamHandle stream) {
  QED_CHECK(format != WeightFormat::kBF16);
  QED_CHECK(rows > 0 && k > 0 && k % 4 == 0) << rows << " by " << k;
  const auto kernel = format == WeightFormat::kFp8 ? QuantizeKernel<WeightFormat::kFp8>
                                                   : QuantizeKernel<WeightFormat::kInt8>;
  Launch(kernel, dim3(static_cast<unsigned>(rows)), dim3(kThreads), 0, stream, k, x, largest, codes,
         scales);
}

}  // namespace qed::cuda
