#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/rope.h"
#include "kernels/cuda/row.cuh"

namespace qed::cuda {
namespace {

constexpr int kMaxHeadDim = 256;
constexpr int kHeadsPerBlock = 8;
// Pairs (i, i + D/2) that a lane holds: two neighbours at a time, so that what it
// loads and stores is 4 bytes wide.
constexpr int kPairs = 2;
constexpr int kSteps = kMaxHeadDim / 2 / (kWarp * kPairs);

__global__ void RopeTableKernel(const double* frequencies, int half, int64_t entries,
                                float2* table) {
  WaitForKernelBefore();
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= entries) return;
  double sine, cosine;
  sincos(static_cast<double>(i / half) * frequencies[i % half], &sine, &cosine);
  table[i] = make_float2(static_cast<float>(cosine), static_cast<float>(sine));
}

// One head of one token in a warp's registers: lane l holds pairs
// (i, half + i) for i = 2l, 2l + 1, then 64 further on.
struct Head {
  float low[kSteps * kPairs];
  float high[kSteps * kPairs];
};

__device__ __forceinline__ int PairOf(int step, int lane) { return (step * kWarp + lane) * kPairs; }

__device__ __forceinline__ float2 LoadTwo(const Product& product, int64_t width, int64_t t,
                                          int64_t n) {
  float2 v = UnpackBf16(*reinterpret_cast<const uint32_t*>(product.data + t * width + n));
  if (product.column_scales != nullptr) {
    const float row = product.row_scales == nullptr ? 1.0F : product.row_scales[t];
    v.x *= row * product.column_scales[n];
    v.y *= row * product.column_scales[n + 1];
  }
  if (product.bias != nullptr) {
    v.x += product.bias[n];
    v.y += product.bias[n + 1];
  }
  return v;
}

__device__ __forceinline__ Head LoadHead(const Product& product, int64_t width, int64_t t,
                                         int64_t column, int half, int lane) {
  Head head;
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    const int i = PairOf(s, lane);
    if (i < half) {
      const float2 low = LoadTwo(product, width, t, column + i);
      const float2 high = LoadTwo(product, width, t, column + half + i);
      head.low[2 * s] = low.x;
      head.low[2 * s + 1] = low.y;
      head.high[2 * s] = high.x;
      head.high[2 * s + 1] = high.y;
    } else {
      head.low[2 * s] = head.low[2 * s + 1] = head.high[2 * s] = head.high[2 * s + 1] = 0;
    }
  }
  return head;
}

__device__ __forceinline__ void NormalizeHead(const float* weight, float eps, int half, int lane,
                                              Head& head) {
  float squares = 0;
#pragma unroll
  for (int i = 0; i < kSteps * kPairs; ++i) {
    squares += head.low[i] * head.low[i] + head.high[i] * head.high[i];
  }
  const float factor = 1.0F / sqrtf(WarpSum(squares) / (2 * half) + eps);
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    const int i = PairOf(s, lane);
    if (i >= half) continue;
#pragma unroll
    for (int j = 0; j < kPairs; ++j) {
      head.low[2 * s + j] *= factor * weight[i + j];
      head.high[2 * s + j] *= factor * weight[half + i + j];
    }
  }
}

// Of a lane's pairs.
struct Angles {
  float2 cos_sin[kSteps * kPairs];
};

__device__ __forceinline__ Angles LoadAngles(const float2* table, int half, int lane) {
  Angles angles = {};
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    const int i = PairOf(s, lane);
    if (i >= half) continue;
#pragma unroll
    for (int j = 0; j < kPairs; ++j) angles.cos_sin[2 * s + j] = table[i + j];
  }
  return angles;
}

__device__ __forceinline__ void RotateHead(const Angles& angles, int half, int lane, Head& head) {
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    if (PairOf(s, lane) >= half) continue;
#pragma unroll
    for (int j = 0; j < kPairs; ++j) {
      const float2 angle = angles.cos_sin[2 * s + j];
      const float low = head.low[2 * s + j], high = head.high[2 * s + j];
      head.low[2 * s + j] = low * angle.x - high * angle.y;
      head.high[2 * s + j] = high * angle.x + low * angle.y;
    }
  }
}

__device__ __forceinline__ void StoreHead(const Head& head, int half, int lane, BFloat16* out) {
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    const int i = PairOf(s, lane);
    if (i >= half) continue;
    *reinterpret_cast<uint32_t*>(out + i) = PackBf16(head.low[2 * s], head.low[2 * s + 1]);
    *reinterpret_cast<uint32_t*>(out + half + i) = PackBf16(head.high[2 * s], head.high[2 * s + 1]);
  }
}

// A warp takes every so many'th head, the H queries, then the KVH keys, then the KVH
// values: kHeadsAtOnce of them, whose loads are on their way together.
template <int kHeadsAtOnce>
__global__ void __launch_bounds__(kHeadsPerBlock* kWarp)
    RotateAndStoreKernel(const QkvShape shape, const RotateAndStoreArgs args) {
  const int64_t t = blockIdx.x;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int rotated = shape.num_heads + shape.num_kv_heads;
  const int all = rotated + shape.num_kv_heads;
  const int half = shape.head_dim / 2;
  const int64_t width = int64_t{all} * shape.head_dim;
  const int slot = args.slots[t];
  const auto* table = reinterpret_cast<const float2*>(args.rope_table);
  const Angles angles = LoadAngles(table + int64_t{args.positions[t]} * half, half, lane);
  WaitForKernelBefore();  // It writes the product; the plan and the table are older.

  const int warps = static_cast<int>(gridDim.y) * kHeadsPerBlock;
  const int first = static_cast<int>(blockIdx.y * kHeadsPerBlock + threadIdx.x / kWarp);
  Head heads[kHeadsAtOnce];
#pragma unroll
  for (int i = 0; i < kHeadsAtOnce; ++i) {
    const int h = first + i * warps;
    if (h < all) heads[i] = LoadHead(args.qkv, width, t, int64_t{h} * shape.head_dim, half, lane);
  }
#pragma unroll
  for (int i = 0; i < kHeadsAtOnce; ++i) {
    const int h = first + i * warps;
    const bool is_query = h < shape.num_heads;
    const bool is_value = h >= rotated;
    if (h >= all || (!is_query && slot < 0)) return;
    if (!is_value) {
      const float* norm = is_query ? args.q_norm : args.k_norm;
      if (norm != nullptr) NormalizeHead(norm, args.norm_eps, half, lane, heads[i]);
      RotateHead(angles, half, lane, heads[i]);
    }
    if (is_query) {
      StoreHead(heads[i], half, lane, args.qkv.data + t * width + int64_t{h} * shape.head_dim);
      continue;
    }
    const int kv_head = is_value ? h - rotated : h - shape.num_heads;
    const int64_t page = slot / args.page_size, place = slot % args.page_size;
    const int64_t token = (page * 2 + (is_value ? 1 : 0)) * args.page_size + place;
    StoreHead(heads[i], half, lane,
              args.pages + (token * shape.num_kv_heads + kv_head) * shape.head_dim);
  }
}

}  // namespace

void FillRopeTable(const double* frequencies, int32_t half, int32_t positions, float* table,
                   StreamHandle stream) {
  const int64_t entries = int64_t{positions} * half;
  constexpr int kThreads = 256;
  Launch(RopeTableKernel, dim3(static_cast<unsigned>((entries + kThreads - 1) / kThreads)),
         dim3(kThreads), 0, stream, frequencies, half, entries, reinterpret_cast<float2*>(table));
}

void RotateAndStore(const QkvShape& shape, int32_t rows, const RotateAndStoreArgs& args,
                    StreamHandle stream) {
  QED_CHECK(rows > 0 && shape.head_dim % 4 == 0 && shape.head_dim <= kMaxHeadDim);
  QED_CHECK_EQ(args.q_norm == nullptr, args.k_norm == nullptr);
  const int heads = shape.num_heads + 2 * shape.num_kv_heads;
  const auto launch = [&](auto kernel, int heads_at_once) {
    const int heads_of_block = kHeadsPerBlock * heads_at_once;
    const dim3 grid(static_cast<unsigned>(rows),
                    static_cast<unsigned>((heads + heads_of_block - 1) / heads_of_block));
    Launch(kernel, grid, dim3(kHeadsPerBlock * kWarp), 0, stream, shape, args);
  };
  // With few rows every warp is wanted for a head of its own.
  constexpr int32_t kManyRows = 128;
  constexpr int kSeveral = 4;
  if (rows < kManyRows) return launch(RotateAndStoreKernel<1>, 1);
  launch(RotateAndStoreKernel<kSeveral>, kSeveral);
}

}  // namespace qed::cuda
