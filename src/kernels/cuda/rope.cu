#include "base/check.h"
#include "cuda/early_start.cuh"
#include "cuda/launch.cuh"
#include "kernels/cuda/rope.h"
#include "kernels/cuda/row.cuh"

namespace qed::cuda {
namespace {

constexpr int kMaxHeadDim = 256;
constexpr int kThreads = 256;
constexpr int kPairs = 4;  // (i, i + D/2) that a lane holds, for neighbouring i
static_assert(kMaxHeadDim <= 2 * kPairs * kWarp);
// Fewer rows fill the GPU with one head a thread; from here on a thread takes two, which
// share a row's slot and angles.
constexpr int32_t kManyRows = 1024;

__global__ void RopeTableKernel(const double* frequencies, int half, int64_t entries, float factor,
                                float2* table) {
  WaitForKernelBefore();
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= entries) return;
  double sine, cosine;
  sincos(static_cast<double>(i / half) * frequencies[i % half], &sine, &cosine);
  table[i] = make_float2(factor * static_cast<float>(cosine), factor * static_cast<float>(sine));
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

// Where a rotated query, a key or a value goes; null for a key or value of a row of padding.
__device__ __forceinline__ BFloat16* PlaceOfHead(const QkvShape& shape,
                                                 const RotateAndStoreArgs& args, int64_t t,
                                                 int slot, int h) {
  if (h < shape.num_heads) {
    const int64_t width = int64_t{shape.num_heads + 2 * shape.num_kv_heads} * shape.head_dim;
    return args.qkv.data + t * width + h * shape.head_dim;
  }
  if (slot < 0) return nullptr;
  const bool is_value = h >= shape.num_heads + shape.num_kv_heads;
  const int kv_head = h - shape.num_heads - (is_value ? shape.num_kv_heads : 0);
  const int64_t page = slot / args.page_size, place = slot % args.page_size;
  const int64_t token = (page * 2 + (is_value ? 1 : 0)) * args.page_size + place;
  return args.pages + (token * shape.num_kv_heads + kv_head) * shape.head_dim;
}

// Grid: [rows, parts of the heads: the H queries, then the KVH keys, then the KVH values].
// A thread takes the same places of kHeads heads, whose loads are on their way together.
template <int kHeads>
__global__ void __launch_bounds__(kThreads)
    RotateAndStoreKernel(int lanes, const QkvShape shape, const RotateAndStoreArgs args) {
  LetNextKernelStart();
  const int64_t t = blockIdx.x;
  const int rotated = shape.num_heads + shape.num_kv_heads;
  const int all = rotated + shape.num_kv_heads;
  const int half = shape.head_dim / 2;
  const int thread = static_cast<int>(threadIdx.x);
  const int i = thread % lanes * kPairs, heads_at_once = kThreads / lanes;
  const int first_head = static_cast<int>(blockIdx.y) * kHeads * heads_at_once + thread / lanes;
  const int slot = args.slots[t];
  Angles angles = {};
  if (i < half) {
    const float* table = args.rope_table + (int64_t{args.positions[t]} * half + i) * 2;
    angles = {LoadFour(table), LoadFour(table + kPairs)};
  }
  WaitForKernelBefore();  // It writes the product; the plan and the table are older.

  HeadPart heads[kHeads] = {};
#pragma unroll
  for (int j = 0; j < kHeads; ++j) {
    const int h = first_head + j * heads_at_once, column = h * shape.head_dim + i;
    if (h >= all || i >= half) continue;
    const int64_t width = int64_t{all} * shape.head_dim;
    heads[j] = {LoadProduct(args.qkv, width, t, column),
                LoadProduct(args.qkv, width, t, column + half)};
  }
#pragma unroll
  for (int j = 0; j < kHeads; ++j) {
    const int h = first_head + j * heads_at_once;
    const bool is_query = h < shape.num_heads, is_value = h >= rotated;
    if (args.q_norm != nullptr) {
      const float* norm = is_query ? args.q_norm : is_value ? nullptr : args.k_norm;
      NormalizeHead(norm, args.norm_eps, half, i, lanes, heads[j]);
    }
    if (h >= all || i >= half) continue;
    if (!is_value) RotateHead(angles, heads[j]);
    BFloat16* to = PlaceOfHead(shape, args, t, slot, h);
    if (to == nullptr) continue;
    StoreFour(to + i, heads[j].low);
    StoreFour(to + half + i, heads[j].high);
  }
}

template <int kHeads>
void LaunchRotateAndStore(const QkvShape& shape, int32_t rows, const RotateAndStoreArgs& args,
                          StreamHandle stream) {
  const int32_t lanes = LanesOfHead(shape.head_dim);
  const int32_t heads_of_block = kThreads / lanes * kHeads;
  const int32_t heads = shape.num_heads + 2 * shape.num_kv_heads;
  const dim3 grid(static_cast<unsigned>(rows),
                  static_cast<unsigned>((heads + heads_of_block - 1) / heads_of_block));
  Launch(RotateAndStoreKernel<kHeads>, grid, dim3(kThreads), 0, stream, lanes, shape, args);
}

}  // namespace

void FillRopeTable(const double* frequencies, int32_t half, int32_t positions, float factor,
                   float* table, StreamHandle stream) {
  const int64_t entries = int64_t{positions} * half;
  Launch(RopeTableKernel, dim3(static_cast<unsigned>((entries + kThreads - 1) / kThreads)),
         dim3(kThreads), 0, stream, frequencies, half, entries, factor,
         reinterpret_cast<float2*>(table));
}

void RotateAndStore(const QkvShape& shape, int32_t rows, const RotateAndStoreArgs& args,
                    StreamHandle stream) {
  QED_CHECK(rows > 0 && shape.head_dim % (2 * kPairs) == 0 && shape.head_dim <= kMaxHeadDim);
  QED_CHECK_EQ(args.q_norm == nullptr, args.k_norm == nullptr);
  if (rows >= kManyRows) return LaunchRotateAndStore<2>(shape, rows, args, stream);
  LaunchRotateAndStore<1>(shape, rows, args, stream);
}

}  // namespace qed::cuda
