#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/rope.h"
#include "kernels/cuda/row.cuh"

namespace qed::cuda {
namespace {

constexpr int kMaxHeadDim = 256;
constexpr int kThreads = 256;
constexpr int kPairs = 4;  // (i, i + D/2) that a lane holds, for neighbouring i
static_assert(kMaxHeadDim <= 2 * kPairs * kWarp);

__global__ void RopeTableKernel(const double* frequencies, int half, int64_t entries,
                                float2* table) {
  WaitForKernelBefore();
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= entries) return;
  double sine, cosine;
  sincos(static_cast<double>(i / half) * frequencies[i % half], &sine, &cosine);
  table[i] = make_float2(static_cast<float>(cosine), static_cast<float>(sine));
}

// A lane's part of one head of one token.
struct HeadPart {
  Four low, high;
};

// Every lane of a warp calls it; `lanes` of them, a power of two, have one head.
__device__ __forceinline__ void NormalizeHead(const float* weight, float eps, int half, int i,
                                              int lanes, HeadPart& head) {
  float squares = 0;
#pragma unroll
  for (int j = 0; j < kPairs; ++j) {
    squares += head.low.v[j] * head.low.v[j] + head.high.v[j] * head.high.v[j];
  }
  for (int step = lanes / 2; step > 0; step /= 2) {
    squares += __shfl_xor_sync(kAllLanes, squares, step);
  }
  if (i >= half || weight == nullptr) return;
  const float factor = 1.0F / sqrtf(squares / static_cast<float>(2 * half) + eps);
  const Four low = LoadFour(weight + i), high = LoadFour(weight + half + i);
#pragma unroll
  for (int j = 0; j < kPairs; ++j) {
    head.low.v[j] *= factor * low.v[j];
    head.high.v[j] *= factor * high.v[j];
  }
}

// Of a lane's pairs, as the table has them: cosine and sine in turns.
struct Angles {
  Four first_two, last_two;
};

__device__ __forceinline__ void RotateHead(const Angles& angles, HeadPart& head) {
#pragma unroll
  for (int j = 0; j < kPairs; ++j) {
    const Four& pair = j < 2 ? angles.first_two : angles.last_two;
    const float cosine = pair.v[j % 2 * 2], sine = pair.v[j % 2 * 2 + 1];
    const float low = head.low.v[j], high = head.high.v[j];
    head.low.v[j] = low * cosine - high * sine;
    head.high.v[j] = high * cosine + low * sine;
  }
}

// So many neighbouring lanes have a head: a power of two.
int32_t LanesOfHead(int32_t head_dim) {
  int32_t lanes = 1;
  while (lanes * 2 * kPairs < head_dim) lanes *= 2;
  return lanes;
}

// Grid: [rows, parts of the heads: the H queries, then the KVH keys, then the KVH values].
__global__ void __launch_bounds__(kThreads)
    RotateAndStoreKernel(int lanes, const QkvShape shape, const RotateAndStoreArgs args) {
  const int64_t t = blockIdx.x;
  const int rotated = shape.num_heads + shape.num_kv_heads;
  const int all = rotated + shape.num_kv_heads;
  const int half = shape.head_dim / 2;
  const int thread = static_cast<int>(blockIdx.y * kThreads + threadIdx.x);
  const int h = thread / lanes, i = thread % lanes * kPairs;
  const bool is_query = h < shape.num_heads, is_value = h >= rotated;
  const bool there = h < all && i < half;
  const int slot = args.slots[t];
  Angles angles = {};
  if (there && !is_value) {
    const float* table = args.rope_table + (int64_t{args.positions[t]} * half + i) * 2;
    angles = {LoadFour(table), LoadFour(table + kPairs)};
  }
  WaitForKernelBefore();  // It writes the product; the plan and the table are older.

  const int64_t width = int64_t{all} * shape.head_dim;
  const int column = h * shape.head_dim + i;
  HeadPart head = {};
  if (there) {
    head = {LoadProduct(args.qkv, width, t, column),
            LoadProduct(args.qkv, width, t, column + half)};
  }
  if (args.q_norm != nullptr) {
    const float* norm = is_query ? args.q_norm : is_value ? nullptr : args.k_norm;
    NormalizeHead(norm, args.norm_eps, half, i, lanes, head);
  }
  if (!there || (!is_query && slot < 0)) return;
  if (!is_value) RotateHead(angles, head);
  BFloat16* to = args.qkv.data + t * width + column;
  if (!is_query) {
    const int kv_head = is_value ? h - rotated : h - shape.num_heads;
    const int64_t page = slot / args.page_size, place = slot % args.page_size;
    const int64_t token = (page * 2 + (is_value ? 1 : 0)) * args.page_size + place;
    to = args.pages + (token * shape.num_kv_heads + kv_head) * shape.head_dim + i;
  }
  StoreFour(to, head.low);
  StoreFour(to + half, head.high);
}

}  // namespace

void FillRopeTable(const double* frequencies, int32_t half, int32_t positions, float* table,
                   StreamHandle stream) {
  const int64_t entries = int64_t{positions} * half;
  Launch(RopeTableKernel, dim3(static_cast<unsigned>((entries + kThreads - 1) / kThreads)),
         dim3(kThreads), 0, stream, frequencies, half, entries, reinterpret_cast<float2*>(table));
}

void RotateAndStore(const QkvShape& shape, int32_t rows, const RotateAndStoreArgs& args,
                    StreamHandle stream) {
  QED_CHECK(rows > 0 && shape.head_dim % (2 * kPairs) == 0 && shape.head_dim <= kMaxHeadDim);
  QED_CHECK_EQ(args.q_norm == nullptr, args.k_norm == nullptr);
  const int32_t lanes = LanesOfHead(shape.head_dim);
  const int32_t threads = (shape.num_heads + 2 * shape.num_kv_heads) * lanes;
  const dim3 grid(static_cast<unsigned>(rows),
                  static_cast<unsigned>((threads + kThreads - 1) / kThreads));
  Launch(RotateAndStoreKernel, grid, dim3(kThreads), 0, stream, lanes, shape, args);
}

}  // namespace qed::cuda
