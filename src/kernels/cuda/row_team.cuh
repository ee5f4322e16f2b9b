// A row of keys held by the threads of one block, or of a cluster of blocks that
// read each other's shared memory: the Row of kernels/cuda/token_choice.h.
//
// Thread t of block b owns the keys [(b * kThreads + t) * per_thread, + per_thread).
// per_thread is odd, so that the threads of a warp that each read a key of their own
// hit different banks of shared memory.
#ifndef QED_KERNELS_CUDA_ROW_TEAM_CUH_
#define QED_KERNELS_CUDA_ROW_TEAM_CUH_

#include <cooperative_groups.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/cluster.cuh"
#include "kernels/cuda/token_choice.h"

namespace qed::cuda {

inline constexpr int kRowThreads = 512;  // of a block
inline constexpr int kRowWarps = kRowThreads / 32;

// kBlocks: of the cluster; 1: no cluster is needed.
template <int kBlocks>
class RowTeam {
 public:
  static constexpr int kMaxValues = 2 * (kPivots + 1);

  // What the threads of a block, and of the other blocks, tell each other. Slots in
  // pairs are used in turns: what is written for the next exchange is not what may
  // still be read of the last.
  struct Shared {
    uint64_t warp[kMaxValues][kRowWarps];
    uint64_t block[2][kMaxValues];
    uint64_t all[kMaxValues];
    int32_t found[2];
    Picked picked[2];
    int32_t list_count;  // of the first block alone, as the list
    Token list[kListSize];
  };

  // `keys`: kRowThreads * per_thread of this block, in shared or global memory.
  __device__ RowTeam(Shared& shared, uint32_t* keys, int32_t vocab_size, int32_t per_thread)
      : shared_(shared),
        keys_(keys),
        vocab_size_(vocab_size),
        per_thread_(per_thread),
        rank_(static_cast<int>(blockIdx.x) % kBlocks) {
    if (threadIdx.x == 0) shared.list_count = 0;
  }

  __device__ bool is_first_block() const { return rank_ == 0; }

  // Waits for all threads of the row; memory written before can be read after it.
  __device__ void Sync() const {
    if constexpr (kBlocks > 1) {
#if __CUDA_ARCH__ >= 900
      cooperative_groups::this_cluster().sync();
#endif
    } else {
      __syncthreads();
    }
  }

  template <typename Fn>
  __device__ uint32_t Load(Fn fn) {
    constexpr int kAtOnce = 8;
    const int count = kRowThreads * per_thread_;
    const int first_id = rank_ * count;
    uint32_t largest = 0;
    for (int base = static_cast<int>(threadIdx.x); base < count; base += kAtOnce * kRowThreads) {
      uint32_t key[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        const int at = base + i * kRowThreads;
        key[i] = at < count && first_id + at < vocab_size_ ? fn(first_id + at) : 0;
      }
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        const int at = base + i * kRowThreads;
        if (at < count) keys_[at] = key[i];
        largest = max(largest, key[i]);
      }
    }
    uint64_t values[1] = {largest};
    Combine(values, [](uint64_t a, uint64_t b) { return a > b ? a : b; });
    return static_cast<uint32_t>(values[0]);
  }

  template <int N, typename Fn>
  __device__ Sums<N> Map(Fn fn) {
    Sums<N> own = {};
    uint32_t* keys = keys_ + threadIdx.x * per_thread_;
    for (int i = 0; i < per_thread_; ++i) fn(keys[i], own);
    uint64_t values[2 * N];
#pragma unroll
    for (int i = 0; i < N; ++i) {
      values[2 * i] = own.at[i].mass;
      values[2 * i + 1] = own.at[i].count;
    }
    Combine(values, [](uint64_t a, uint64_t b) { return a + b; });
#pragma unroll
    for (int i = 0; i < N; ++i) {
      own.at[i] = {values[2 * i], static_cast<uint32_t>(values[2 * i + 1])};
    }
    return own;
  }

  template <typename Fn>
  __device__ int32_t FindOrdered(Fn fn, uint64_t target) {
    const uint32_t* keys = keys_ + threadIdx.x * per_thread_;
    const int32_t first_id = FirstId();
    uint64_t own = 0;
    for (int i = 0; i < per_thread_; ++i) own += fn(first_id + i, keys[i]);
    uint64_t up_to = own;  // of this warp's threads up to this one
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
#pragma unroll
    for (int step = 1; step < 32; step *= 2) {
      const uint64_t before = __shfl_up_sync(kAll, up_to, step);
      if (lane >= step) up_to += before;
    }
    turn_ ^= 1;
    if (lane == 31) shared_.warp[0][warp] = up_to;
    if (threadIdx.x == 0) shared_.found[turn_] = -1;
    __syncthreads();
    for (int w = 0; w < warp; ++w) up_to += shared_.warp[0][w];
    if (threadIdx.x == kRowThreads - 1) shared_.block[turn_][0] = up_to;
    Sync();
    for (int r = 0; r < rank_; ++r) up_to += *Of(r, &shared_.block[turn_][0]);
    if (up_to - own <= target && target < up_to) {
      uint64_t rest = target - (up_to - own);
      int i = 0;
      for (uint64_t value = fn(first_id, keys[0]); rest >= value;
           value = fn(first_id + i, keys[i])) {
        rest -= value;
        ++i;
      }
      for (int r = 0; r < kBlocks; ++r) *Of(r, &shared_.found[turn_]) = first_id + i;
    }
    Sync();
    return shared_.found[turn_];
  }

  template <typename In, typename Weigh, typename Choose>
  __device__ Picked PickListed(In in, Weigh weigh, Choose choose) {
    static_assert(2 * kListSize == kRowThreads);
    const uint32_t* keys = keys_ + threadIdx.x * per_thread_;
    const int32_t first_id = FirstId();
    turn_ ^= 1;
    for (int i = 0; i < per_thread_; ++i) {
      if (!in(first_id + i, keys[i])) continue;
      const int at = atomicAdd(Of(0, &shared_.list_count), 1);
      if (at < kListSize) Of(0, shared_.list)[at] = {keys[i], first_id + i};
    }
    Sync();
    if (rank_ == 0) {
      // Two threads a token: each looks at half of the list.
      const int count = min(shared_.list_count, kListSize);
      const int at = static_cast<int>(threadIdx.x) / 2;
      Token token = {};
      Measure up_to = {};
      if (at < count) {
        token = shared_.list[at];
        for (int i = static_cast<int>(threadIdx.x) % 2; i < count; i += 2) {
          if (PrecedesOrIs(shared_.list[i], token)) up_to += weigh(shared_.list[i].key);
        }
      }
      up_to.mass += __shfl_xor_sync(kAll, up_to.mass, 1);
      up_to.count += __shfl_xor_sync(kAll, up_to.count, 1);
      if (at < count && threadIdx.x % 2 == 0) {
        const Picked picked = choose(token, up_to);
        if (picked.token.id >= 0) {
          for (int r = 0; r < kBlocks; ++r) *Of(r, &shared_.picked[turn_]) = picked;
        }
      }
      __syncthreads();
      if (threadIdx.x == 0) shared_.list_count = 0;
    }
    Sync();
    return shared_.picked[turn_];
  }

 private:
  static constexpr unsigned kAll = 0xffffffffU;

  __device__ int32_t FirstId() const {
    return (rank_ * kRowThreads + static_cast<int>(threadIdx.x)) * per_thread_;
  }

  // Where `p`, of this block's shared memory, is in block r's.
  template <typename T>
  __device__ static T* Of(int r, T* p) {
    if constexpr (kBlocks > 1) {
#if __CUDA_ARCH__ >= 900
      return cooperative_groups::this_cluster().map_shared_rank(p, r);
#endif
    }
    return p;
  }

  // Each of the values becomes what it is over all threads of the row.
  template <int N, typename Fn>
  __device__ void Combine(uint64_t (&values)[N], Fn combine) {
    static_assert(N <= kMaxValues);
    const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
    for (int i = 0; i < N; ++i) {
#pragma unroll
      for (int step = 16; step > 0; step /= 2) {
        values[i] = combine(values[i], __shfl_xor_sync(kAll, values[i], step));
      }
      if (thread % 32 == 0) shared_.warp[i][thread / 32] = values[i];
    }
    turn_ ^= 1;
    __syncthreads();
    if (thread < N) {
      uint64_t value = shared_.warp[thread][0];
      for (int w = 1; w < kRowWarps; ++w) value = combine(value, shared_.warp[thread][w]);
      shared_.block[turn_][thread] = value;
    }
    Sync();
    if (thread < N) {
      uint64_t value = *Of(0, &shared_.block[turn_][thread]);
      for (int r = 1; r < kBlocks; ++r) {
        value = combine(value, *Of(r, &shared_.block[turn_][thread]));
      }
      shared_.all[thread] = value;
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < N; ++i) values[i] = shared_.all[i];
  }

  Shared& shared_;
  uint32_t* keys_;
  int32_t vocab_size_;
  int32_t per_thread_;
  int rank_;      // of this block among the row's
  int turn_ = 0;  // which slot of a pair is in use
};

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_ROW_TEAM_CUH_
