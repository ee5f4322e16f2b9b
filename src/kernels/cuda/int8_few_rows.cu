#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/int8_linear.h"
#include "kernels/cuda/row.cuh"
#include "kernels/cuda/tensor_core.cuh"

namespace qed::cuda {
namespace {

// A block takes 32 rows of the weight (two tiles of the tensor cores' 16) and all
// of its columns, 64 at a time, dealt to its warps in turn, for up to 32 tokens; blocks
// with the same rows lie side by side and find them in the cache. In such a step a lane
// (g = lane / 4, c = lane % 4) reads 16 weights of rows g, g + 8, g + 16, g + 24
// from column 16 c on, and 16 activations of token g from the same column. Which
// column stands where in a multiplication of 16 columns does not matter as long as
// weights and activations agree: multiplication i of the step takes a lane's values
// 4 i .. 4 i + 3, so that all loads are 16 bytes wide and nothing is shuffled.
constexpr int kWarps = 8;
constexpr int kTileRows = 16;
constexpr int kTiles = 2;
constexpr int kBlockRows = kTileRows * kTiles;
constexpr int kStepColumns = 64;
constexpr int kTokens = 8;       // of one multiplication
constexpr int kMaxGroups = 4;    // of tokens that a block takes
constexpr int kBlocksPerSm = 2;  // more registers a thread would leave one

// Four int8 as two pairs of bfloat16, exactly. A byte put under the exponent of
// 2^23 is the float 2^23 + byte: no conversion instruction is needed.
__device__ __forceinline__ void ToBf16(uint32_t codes, uint32_t& low, uint32_t& high) {
  float v[4];
  const uint32_t flipped = codes ^ 0x80808080U;  // codes + 128, unsigned
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    v[i] = __uint_as_float(__byte_perm(flipped, 0x4B000000U, 0x7650U + static_cast<unsigned>(i))) -
           8388736.0F;  // 2^23 + 128
  }
  low = PackBf16(v[0], v[1]);
  high = PackBf16(v[2], v[3]);
}

__device__ __forceinline__ uint4 LoadStreamed(const int8_t* p) {
  return __ldcs(reinterpret_cast<const uint4*>(p));  // read once: do not displace activations
}

__device__ __forceinline__ uint32_t Word(const uint4& v, int i) {
  return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}

// The warp's part of the sums: d[tile][group of 8 tokens].
template <int kGroups>
__device__ __forceinline__ void SumColumns(const int8_t* codes, int k, int n_left,
                                           const BFloat16* x, int rows, int warp, int lane,
                                           float (&d)[kTiles][kGroups][4]) {
  const int g = lane / 4, c = lane % 4;
  for (int column = warp * kStepColumns + 16 * c; column < k; column += kWarps * kStepColumns) {
    uint4 weights[kTiles][2];
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = tile * kTileRows + half * 8 + g;
        weights[tile][half] =
            row < n_left ? LoadStreamed(codes + int64_t{row} * k + column) : uint4{};
      }
    }
    uint4 tokens[kGroups][2];
#pragma unroll
    for (int group = 0; group < kGroups; ++group) {
      const int t = group * kTokens + g;
      const auto* from = reinterpret_cast<const uint4*>(x + int64_t{t} * k + column);
      tokens[group][0] = t < rows ? from[0] : uint4{};
      tokens[group][1] = t < rows ? from[1] : uint4{};
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile) {
        uint32_t a[4];
        ToBf16(Word(weights[tile][0], i), a[0], a[2]);
        ToBf16(Word(weights[tile][1], i), a[1], a[3]);
#pragma unroll
        for (int group = 0; group < kGroups; ++group) {
          const uint4& t = tokens[group][i / 2];
          MultiplyTile(d[tile][group], a, Word(t, i % 2 * 2), Word(t, i % 2 * 2 + 1));
        }
      }
    }
  }
}

template <int kGroups>
__global__ void __launch_bounds__(kWarps* kWarp, kBlocksPerSm)
    Int8Kernel(const int8_t* codes, const float* scales, int n, int k, const BFloat16* x, int rows,
               BFloat16* y) {
  WaitForKernelBefore();
  __shared__ float sums[kWarps][kTiles][kGroups][4][kWarp];
  const int warp = static_cast<int>(threadIdx.x) / kWarp,
            lane = static_cast<int>(threadIdx.x) % kWarp;
  const int first_row = static_cast<int>(blockIdx.y) * kBlockRows;
  const int first_token = static_cast<int>(blockIdx.x) * kGroups * kTokens;
  x += int64_t{first_token} * k;
  y += int64_t{first_token} * n;
  rows -= first_token;
  float d[kTiles][kGroups][4] = {};
  SumColumns<kGroups>(codes + int64_t{first_row} * k, k, n - first_row, x, rows, warp, lane, d);
#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
    for (int group = 0; group < kGroups; ++group) {
#pragma unroll
      for (int i = 0; i < 4; ++i) sums[warp][tile][group][i][lane] = d[tile][group][i];
    }
  }
  __syncthreads();
  // One thread a value: the warps' sums in order.
  for (int item = static_cast<int>(threadIdx.x); item < kBlockRows * kGroups * kTokens;
       item += kWarps * kWarp) {
    const int row = item % kBlockRows, t = item / kBlockRows;
    if (first_row + row >= n || t >= rows) continue;
    // Where the multiplication leaves (row, token): register 2 * (row / 8 % 2) +
    // token % 2 of lane 4 * (row % 8) + token % 8 / 2.
    const int from_lane = 4 * (row % 8) + t % kTokens / 2;
    const int part = 2 * (row / 8 % 2) + t % 2;
    float sum = 0;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      sum += sums[w][row / kTileRows][t / kTokens][part][from_lane];
    }
    const int64_t out = int64_t{t} * n + first_row + row;
    y[out].bits = static_cast<uint16_t>(PackBf16(sum * scales[first_row + row], 0.0F) & 0xffffU);
  }
}

template <int kGroups>
void LaunchInt8(const DeviceWeight& weight, const BFloat16* x, int32_t rows, BFloat16* y,
                StreamHandle stream) {
  constexpr int32_t kBlockTokens = kGroups * kTokens;
  const dim3 grid(static_cast<unsigned>((rows + kBlockTokens - 1) / kBlockTokens),
                  static_cast<unsigned>((weight.n + kBlockRows - 1) / kBlockRows));
  Launch(Int8Kernel<kGroups>, grid, dim3(kWarps * kWarp), 0, stream,
         reinterpret_cast<const int8_t*>(weight.data), weight.scales, weight.n, weight.k, x, rows,
         y);
}

}  // namespace

void MultiplyInt8FewRows(const DeviceWeight& weight, const BFloat16* x, int32_t rows, BFloat16* y,
                         StreamHandle stream) {
  QED_CHECK(rows >= 1) << rows;
  QED_CHECK(weight.format == WeightFormat::kInt8 && weight.n % kTileRows == 0 &&
            weight.k % kStepColumns == 0);
  if (rows <= kTokens) return LaunchInt8<1>(weight, x, rows, y, stream);
  if (rows <= 2 * kTokens) return LaunchInt8<2>(weight, x, rows, y, stream);
  LaunchInt8<kMaxGroups>(weight, x, rows, y, stream);
}

}  // namespace qed::cuda
