// Attention of decode rows, and of a few rows whose tokens are only proposed: all
// of a KV head's queries fit one tile of 16, and what counts is to read the cache
// at the speed of the memory.
//
// Each warp takes every fourth step of 16 tokens and keeps several steps' keys and
// values on their way to shared memory, without waiting for the other warps; only
// their results meet at the end (the split of Flash-Decoding, within a block too).
// What earlier steps left in the cache is read before the kernel before this one,
// which writes this step's tokens, has ended.
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/check.h"
#include "cuda/early_start.cuh"
#include "cuda/launch.cuh"
#include "kernels/cuda/attention_launch.h"
#include "kernels/cuda/attention_merge.cuh"
#include "kernels/cuda/row.cuh"
#include "kernels/cuda/tensor_core.cuh"

namespace qed::cuda {
namespace {

using attention::kVector;
using attention::PackedRow;

constexpr int kTile = kAttentionTiles[0];  // packed rows: those of an mma
constexpr int kStep = 16;                  // tokens that a warp takes at a time
constexpr int kStages = 3;                 // steps on their way or being worked on
constexpr int kWarps = 4;
constexpr int kThreads = kWarps * kWarp;
constexpr int kLanesOfRow = 4;         // lanes that share a row of an mma's result
constexpr float kLeast = -1e30F;       // below every score, and finite
constexpr int kPieceBytes = 16;        // of one asynchronous copy
constexpr int kPieceElements = 8;      // bf16 of it
constexpr int kRowsBetweenHalves = 8;  // a lane has rows r and r + 8 of an mma's result

template <int kHeadDim>
constexpr int kStepBytes = kStep* kHeadDim * 2;  // of keys, and of values
template <int kHeadDim>
constexpr int kWarpBytes = kStages * 2 * kStepBytes<kHeadDim>;
// A row of a warp's results in f32, padded so that rows lie in other banks.
template <int kHeadDim>
constexpr int kResultStride = kHeadDim + 8;
static_assert(kTile * (kResultStride<128> + 2) * sizeof(float) <= kWarpBytes<128>);
static_assert(kTile * (kResultStride<64> + 2) * sizeof(float) <= kWarpBytes<64>);

struct DecodeParams {
  const AttentionItem* items;
  const int32_t* count;
  const int32_t* pages;
  const __nv_bfloat16* cache;
  int page_size;
  const __nv_bfloat16* q;
  int64_t q_stride;
  float scale;  // of a product of query and key: 1 / sqrt(D), in base 2
  attention::Results results;
};

// Copies 16 bytes to shared memory in the background, or zeroes them.
__device__ __forceinline__ void CopyPiece(uint32_t to, const void* from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(to), "l"(from),
               "r"(there ? kPieceBytes : 0)
               : "memory");
}

__device__ __forceinline__ void EndCopyGroup() {
  asm volatile("cp.async.commit_group;\n" ::: "memory");
}

// Waits until all but the newest `kNewest` groups of copies have arrived.
template <int kNewest>
__device__ __forceinline__ void WaitForCopies() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(kNewest) : "memory");
}

// The keys and values of one warp's steps, on their way through shared memory.
template <int kHeadDim>
class KvStream {
 public:
  __device__ KvStream(const DecodeParams& params, const AttentionItem& item, int kv_head, int warp,
                      uint32_t shared)
      : head_(params.cache + int64_t{kv_head} * kHeadDim),
        pages_(params.pages + item.first_page),
        token_elements_(int64_t{params.results.num_kv_heads} * kHeadDim),
        page_size_(params.page_size),
        first_((item.chunk * item.chunk_tokens) + warp * kStep),
        end_(min((item.chunk + 1) * item.chunk_tokens, item.context)),
        shared_(shared) {}

  __device__ int FirstToken(int step) const { return first_ + step * kWarps * kStep; }
  __device__ int end() const { return end_; }
  __device__ bool Has(int step) const { return FirstToken(step) < end_; }

  // Where this lane's token of a step lies, in tokens' places of the cache; -1 if it
  // is beyond the chunk.
  __device__ int Place(int step) const {
    const int token = FirstToken(step) + static_cast<int>(threadIdx.x) % kStep;
    if (token >= end_) return -1;
    return pages_[token / page_size_] * 2 * page_size_ + token % page_size_;
  }

  // Sets a step on its way: one group of copies, empty beyond the last step.
  __device__ void Load(int step, int place) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    if (Has(step)) {
#pragma unroll
      for (int i = 0; i < kStep * kPieces / kWarp; ++i) {
        const int token = (i * kWarp + lane) / kPieces, piece = lane % kPieces;
        const int at = __shfl_sync(kAllLanes, place, token);
        const __nv_bfloat16* key = head_ + max(at, 0) * token_elements_ + piece * kPieceElements;
        const uint32_t to = Keys(step) + Offset(token, piece);
        CopyPiece(to, key, at >= 0);
        CopyPiece(to + kStepBytes<kHeadDim>, key + page_size_ * token_elements_, at >= 0);
      }
    }
    EndCopyGroup();
  }

  // Shared memory of the step's keys; its values lie behind them.
  __device__ uint32_t Keys(int step) const {
    return shared_ + static_cast<uint32_t>(step % kStages * 2 * kStepBytes<kHeadDim>);
  }
  __device__ uint32_t Values(int step) const { return Keys(step) + kStepBytes<kHeadDim>; }

  // Of 8 elements of a token in a step's keys or values: pieces of 8 tokens in a row
  // lie in different banks.
  __device__ static uint32_t Offset(int token, int piece) {
    return static_cast<uint32_t>((token * kPieces + (piece ^ (token % 8))) * kPieceBytes);
  }

 private:
  static constexpr int kPieces = kHeadDim / kPieceElements;
  static_assert(kWarp % kPieces == 0);

  const __nv_bfloat16* head_;
  const int32_t* pages_;
  int64_t token_elements_;
  int page_size_, first_, end_;
  uint32_t shared_;
};

// One warp's queries and what it has summed up. Index r of two: rows r * 8 + lane / 4.
template <int kHeadDim>
struct WarpState {
  uint32_t q[kHeadDim / 16][4];  // the mma's operand a
  int limit[2];                  // the row sees the tokens below
  float max[2] = {kLeast, kLeast};
  float sum[2] = {};
  float out[kHeadDim / 8][4] = {};
};

template <int kHeadDim>
__device__ __forceinline__ void LoadQueries(const DecodeParams& params, const AttentionItem& item,
                                            int kv_head, int end, WarpState<kHeadDim>& state) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int group = params.results.group;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int packed = lane / kLanesOfRow + r * kRowsBetweenHalves;
    const bool there = packed < item.num_rows * group;
    const PackedRow row = attention::Unpack(packed, kv_head, group);
    state.limit[r] = min(end, item.context - item.num_rows + row.query + 1);
    const __nv_bfloat16* q = params.q + (item.first_row + row.query) * params.q_stride +
                             row.head * kHeadDim + lane % kLanesOfRow * 2;
#pragma unroll
    for (int k = 0; k < kHeadDim / 16; ++k) {
      state.q[k][r] = there ? *reinterpret_cast<const uint32_t*>(q + 16 * k) : 0;
      state.q[k][2 + r] = there ? *reinterpret_cast<const uint32_t*>(q + 16 * k + 8) : 0;
    }
  }
}

__device__ __forceinline__ float RowMax(float value) {
  value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, 1));
  return fmaxf(value, __shfl_xor_sync(kAllLanes, value, 2));
}

// Takes the 16 tokens from `first` on into the softmax and the sum of values.
template <int kHeadDim>
__device__ __forceinline__ void TakeStep(uint32_t keys, uint32_t values, int first, float scale,
                                         WarpState<kHeadDim>& state) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  float score[2][4] = {};  // of tokens 0 to 7 and 8 to 15
  const int key_token = lane % 8 + lane / 16 * 8, key_piece = lane / 8 % 2;
#pragma unroll
  for (int k = 0; k < kHeadDim / 16; ++k) {
    uint32_t b[4];
    LoadMatrices(keys + KvStream<kHeadDim>::Offset(key_token, 2 * k + key_piece), b);
    MultiplyTile(score[0], state.q[k], b[0], b[1]);
    MultiplyTile(score[1], state.q[k], b[2], b[3]);
  }
  float shrink[2];
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float largest = kLeast;
#pragma unroll
    for (int n = 0; n < 2; ++n) {
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        float& s = score[n][2 * r + j];
        const int token = first + 8 * n + lane % kLanesOfRow * 2 + j;
        s = token < state.limit[r] ? s * scale : -INFINITY;
        largest = fmaxf(largest, s);
      }
    }
    const float max = fmaxf(state.max[r], RowMax(largest));
    shrink[r] = exp2f(state.max[r] - max);
    state.max[r] = max;
    state.sum[r] *= shrink[r];
#pragma unroll
    for (int n = 0; n < 2; ++n) {
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        score[n][2 * r + j] = exp2f(score[n][2 * r + j] - max);
        state.sum[r] += score[n][2 * r + j];
      }
    }
  }
  const uint32_t weights[4] = {
      PackBf16(score[0][0], score[0][1]), PackBf16(score[0][2], score[0][3]),
      PackBf16(score[1][0], score[1][1]), PackBf16(score[1][2], score[1][3])};
#pragma unroll
  for (int d = 0; d < kHeadDim / 16; ++d) {
    uint32_t b[4];
    LoadTransposed(values + KvStream<kHeadDim>::Offset(lane % kStep, 2 * d + lane / kStep), b);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float(&out)[4] = state.out[2 * d + half];
#pragma unroll
      for (int j = 0; j < 4; ++j) out[j] *= shrink[j / 2];
      MultiplyTile(out, weights, b[2 * half], b[2 * half + 1]);
    }
  }
}

// A warp's results in shared memory: [16, kResultStride] f32, then maxima and sums.
template <int kHeadDim>
__device__ __forceinline__ void LeaveResults(const WarpState<kHeadDim>& state, int rows,
                                             float* to) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  float* maxima = to + kTile * kResultStride<kHeadDim>;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float sum = state.sum[r] + __shfl_xor_sync(kAllLanes, state.sum[r], 1);
    sum += __shfl_xor_sync(kAllLanes, sum, 2);
    const int row = lane / kLanesOfRow + r * kRowsBetweenHalves;
    if (row >= rows) continue;
    if (lane % kLanesOfRow == 0) {
      maxima[row] = state.max[r];
      maxima[kTile + row] = sum;
    }
    float* values = to + row * kResultStride<kHeadDim> + lane % kLanesOfRow * 2;
#pragma unroll
    for (int n = 0; n < kHeadDim / 8; ++n) {
      *reinterpret_cast<float2*>(values + 8 * n) =
          make_float2(state.out[n][2 * r], state.out[n][2 * r + 1]);
    }
  }
}

// Adds up what the warps left and writes the chunk's results, or the final ones.
template <int kHeadDim>
__device__ __forceinline__ void CombineWarps(const float* warps, const AttentionItem& item,
                                             int kv_head, const attention::Results& results) {
  constexpr int kThreadsPerRow = kHeadDim / kVector;
  const int dim = static_cast<int>(threadIdx.x) % kThreadsPerRow * kVector;
  const int rows = item.num_rows * results.group;
  for (int packed = static_cast<int>(threadIdx.x) / kThreadsPerRow; packed < rows;
       packed += kThreads / kThreadsPerRow) {
    float max = kLeast;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      const float* own = warps + w * (kWarpBytes<kHeadDim> / sizeof(float));
      max = fmaxf(max, own[kTile * kResultStride<kHeadDim> + packed]);
    }
    float sum = 0, value[kVector] = {};
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      const float* own = warps + w * (kWarpBytes<kHeadDim> / sizeof(float));
      const float* maxima = own + kTile * kResultStride<kHeadDim>;
      const float weight = exp2f(maxima[packed] - max);
      sum += weight * maxima[kTile + packed];
#pragma unroll
      for (int i = 0; i < kVector; ++i) {
        value[i] += weight * own[packed * kResultStride<kHeadDim> + dim + i];
      }
    }
    const PackedRow row = attention::Unpack(packed, kv_head, results.group);
    if (item.num_chunks == 1) {
      const int64_t at = attention::OutRow(item, row, results.num_heads);
      attention::StoreVector(value, 1.0F / sum, results.out + at * kHeadDim + dim);
      continue;
    }
    // A row that sees nothing of the chunk leaves what nobody reads.
    const int64_t at = attention::PartialRow(item, row, item.chunk, results.num_heads);
    attention::StoreVector(value, 1.0F / sum, results.partial + at * kHeadDim + dim);
    if (dim == 0) results.partial_lse[at] = max + log2f(sum);
  }
}

template <int kHeadDim>
__device__ __forceinline__ void TakeItem(const DecodeParams& params, const AttentionItem& item,
                                         uint8_t* shared) {
  const int kv_head = static_cast<int>(blockIdx.x), warp = static_cast<int>(threadIdx.x) / kWarp;
  const auto ring = static_cast<uint32_t>(__cvta_generic_to_shared(shared)) +
                    static_cast<uint32_t>(warp * kWarpBytes<kHeadDim>);
  KvStream<kHeadDim> stream(params, item, kv_head, warp, ring);
  const int written = item.context - item.num_rows;
  int places[kStages];
#pragma unroll
  for (int s = 0; s < kStages; ++s) places[s] = stream.Place(s);
#pragma unroll
  for (int s = 0; s < kStages; ++s) {
    if (stream.FirstToken(s) + kStep <= written) stream.Load(s, places[s]);
  }
  WaitForKernelBefore();
#pragma unroll
  for (int s = 0; s < kStages; ++s) {
    if (stream.FirstToken(s) + kStep > written) stream.Load(s, places[s]);
  }
  WarpState<kHeadDim> state;
  LoadQueries(params, item, kv_head, stream.end(), state);
  int place = stream.Place(kStages);
  for (int step = 0; stream.Has(step); ++step) {
    WaitForCopies<kStages - 1>();
    __syncwarp();
    TakeStep(stream.Keys(step), stream.Values(step), stream.FirstToken(step), params.scale, state);
    __syncwarp();
    stream.Load(step + kStages, place);
    place = stream.Place(step + kStages + 1);
  }
  WaitForCopies<0>();
  __syncwarp();
  auto* results = reinterpret_cast<float*>(shared);
  LeaveResults(state, item.num_rows * params.results.group,
               results + warp * (kWarpBytes<kHeadDim> / sizeof(float)));
  __syncthreads();
  CombineWarps<kHeadDim>(results, item, kv_head, params.results);
  if (item.num_chunks > 1 && attention::IsLastOfTile(item, kv_head, params.results)) {
    attention::MergeTile<kTile, kHeadDim>(item, kv_head, params.results);
  }
}

// Grid: [KVH, at most the items]: blocks that run at a time read whole tokens.
//
// The plan and the tokens of earlier steps were written before the kernel before this
// one began: they are read while it runs.
template <int kHeadDim>
__global__ void __launch_bounds__(kThreads, 2)
    DecodeAttentionKernel(const __grid_constant__ DecodeParams params) {
  LetNextKernelStart();
  extern __shared__ __align__(16) uint8_t shared[];
  const auto count = static_cast<unsigned>(*params.count);
  if (blockIdx.y >= count) WaitForKernelBefore();
  for (unsigned i = blockIdx.y; i < count; i += gridDim.y) {
    const AttentionItem item = params.items[i];
    TakeItem<kHeadDim>(params, item, shared);
    __syncthreads();  // Its results were read before the next item's tokens take their place.
  }
}

template <int kHeadDim>
void LaunchHeadDim(const AttentionLaunch& launch, StreamHandle stream) {
  constexpr int kShared = kWarps * kWarpBytes<kHeadDim>;
  static const cudaError_t allowed = cudaFuncSetAttribute(
      DecodeAttentionKernel<kHeadDim>, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared);
  QED_CUDA_CHECK(allowed);
  constexpr float kLog2E = 1.44269504F;
  const DecodeParams params = {
      .items = launch.items,
      .count = launch.count,
      .pages = launch.pages,
      .cache = reinterpret_cast<const __nv_bfloat16*>(launch.kv.data),
      .page_size = launch.kv.page_size,
      .q = reinterpret_cast<const __nv_bfloat16*>(launch.q),
      .q_stride = launch.q_stride,
      .scale = kLog2E / std::sqrt(static_cast<float>(kHeadDim)),
      .results = attention::ResultsOf(launch),
  };
  Launch(
      DecodeAttentionKernel<kHeadDim>,
      dim3(static_cast<unsigned>(launch.kv.num_kv_heads), static_cast<unsigned>(launch.grid_items)),
      dim3(kThreads), kShared, stream, params);
}

}  // namespace

void LaunchDecodeAttention(const AttentionLaunch& launch, StreamHandle stream) {
  if (launch.kv.head_dim == 64) return LaunchHeadDim<64>(launch, stream);
  QED_CHECK_EQ(launch.kv.head_dim, 128);
  LaunchHeadDim<128>(launch, stream);
}

}  // namespace qed::cuda
