// How kernels of several ranks exchange rows of sums and wait for each other.
//
// Values say themselves whether they have come (kernels/cuda/turn_bits.cuh), as parts do in
// kernels/cuda/between_attention.cuh: the turn of a row changes with each exchange that has it. So
// a row is there one way over the link after it was sent, without a flag behind it. Two slots take
// turns: who sends into one of them has got all of the other one's rows, which their senders sent
// after they had read this one's.
#ifndef QED_KERNELS_CUDA_RANK_LINKS_CUH_
#define QED_KERNELS_CUDA_RANK_LINKS_CUH_

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/rank_links.h"
#include "kernels/cuda/rank_sum.h"
#include "kernels/cuda/row.cuh"
#include "kernels/cuda/turn_bits.cuh"

namespace qed::cuda {

// The beginning of a rank's exchange memory; rows [slots, ranks, kOneShotRows, width] follow.
struct RankExchange {
  uint32_t turns[kRankSlots][kOneShotRows];  // of the rank's own latest exchange of each row
  uint32_t meetings;                         // of this rank
  uint32_t met[kMostLinkedRanks];            // the latest meeting that each rank has come to
};

inline constexpr int64_t kRankExchangeHead = (sizeof(RankExchange) + 255) / 256 * 256;

__device__ __forceinline__ RankExchange& ExchangeOf(const RankLinks& links, int rank) {
  return *reinterpret_cast<RankExchange*>(links.memory[rank] + links.exchange);
}

// What `own`, in this rank's memory, is in rank r's.
template <typename T>
__device__ __forceinline__ T* On(const RankLinks& links, int r, T* own) {
  if (own == nullptr) return nullptr;
  const int64_t at = reinterpret_cast<std::byte*>(const_cast<std::remove_const_t<T>*>(own)) -
                     links.memory[links.rank];
  return reinterpret_cast<T*>(links.memory[r] + at);
}

// Before the barrier behind which one thread changes it: the compiler leaves it there.
__device__ __forceinline__ uint32_t LoadTurn(const uint32_t* place) {
  uint32_t turn;
  asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];\n" : "=r"(turn) : "l"(place) : "memory");
  return turn;
}

// Counts how often one has looked in vain for what a rank sends.
class RankPatience {
 public:
  // Whether to wait no longer.
  __device__ __forceinline__ bool IsOver(const RankLinks& links, int rank) {
    if (++looks_ % kLooks != 0) return false;
    uint64_t now;
    asm volatile("mov.u64 %0, %globaltimer;\n" : "=l"(now));
    if (begin_ == 0) begin_ = now;
    volatile uint32_t* const lost = links.lost;
    if (*lost != 0) return true;
    if (now - begin_ < links.wait_nanoseconds) return false;
    *lost = static_cast<uint32_t>(rank) + 1;
    __threadfence_system();
    return true;
  }

 private:
  static constexpr uint32_t kLooks = 4096;
  uint32_t looks_ = 0;
  uint64_t begin_ = 0;
};

// Where rank `from`'s values of a row come to, in floats behind the head of anybody's memory.
__device__ __forceinline__ int64_t RowOfRank(const RankLinks& links, int slot, int from, int row) {
  return (int64_t{slot * links.ranks + from} * kOneShotRows + row) * links.width;
}

__device__ __forceinline__ uint4* RankValues(const RankLinks& links, int rank, int64_t at) {
  return reinterpret_cast<uint4*>(links.memory[rank] + links.exchange + kRankExchangeHead + 4 * at);
}

// A value as all ranks get it.
__device__ __forceinline__ Four WithoutTurn(Four value) {
#pragma unroll
  for (int j = 0; j < 4; ++j) value.v[j] = WithoutTurn(__float_as_uint(value.v[j]));
  return value;
}

// Sends four values of a row to all other ranks.
__device__ __forceinline__ void SendToRanks(const RankLinks& links, int slot, int row, int column,
                                            const Four& value, uint32_t turn) {
  uint32_t bits[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) bits[j] = WithTurn(value.v[j], turn);
  const int64_t at = RowOfRank(links, slot, links.rank, row) + column;
  for (int r = 0; r < links.ranks; ++r) {
    if (r == links.rank) continue;
    asm volatile(
        "st.relaxed.sys.global.v4.u32 [%0], {%1, %2, %3, %4};\n" ::"l"(RankValues(links, r, at)),
        "r"(bits[0]), "r"(bits[1]), "r"(bits[2]), "r"(bits[3])
        : "memory");
  }
}

__device__ __forceinline__ uint4 LoadSent(const uint4* from) {
  uint4 found;
  asm volatile("ld.relaxed.sys.global.v4.u32 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(found.x), "=r"(found.y), "=r"(found.z), "=r"(found.w)
               : "l"(from)
               : "memory");
  return found;
}

// What rank `from` sent of a row from each of the columns on, kCount vectors that are on their
// way together; zeros from column `width` on.
template <int kCount>
__device__ __forceinline__ void ReceiveFromRank(const RankLinks& links, int from, int slot, int row,
                                                const int (&column)[kCount], int width,
                                                uint32_t turn, Four (&value)[kCount]) {
  const int64_t at = RowOfRank(links, slot, from, row);
  uint4 found[kCount];
  RankPatience patience;
  for (bool there = false; !there;) {
    TurnsSeen seen;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      found[i] = {turn, turn, turn, turn};
      if (column[i] < width) found[i] = LoadSent(RankValues(links, links.rank, at + column[i]));
    }
#pragma unroll
    for (int i = 0; i < kCount; ++i) seen.Add(found[i]);
    there = seen.Are(turn) || patience.IsOver(links, from);
  }
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    value[i] = {{WithoutTurn(found[i].x), WithoutTurn(found[i].y), WithoutTurn(found[i].z),
                 WithoutTurn(found[i].w)}};
  }
}

// value += what all ranks have of the row, in the order of the ranks; `own` is what this one
// sent.
template <int kCount>
__device__ __forceinline__ void AddOfRanks(const RankLinks& links, int slot, int row,
                                           const int (&column)[kCount], int width, uint32_t turn,
                                           const Four (&own)[kCount], Four (&value)[kCount]) {
  Four sum[kCount] = {};
  for (int r = 0; r < links.ranks; ++r) {
    Four part[kCount];
    if (r == links.rank) {
#pragma unroll
      for (int i = 0; i < kCount; ++i) part[i] = WithoutTurn(own[i]);
    } else {
      ReceiveFromRank(links, r, slot, row, column, width, turn, part);
    }
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) sum[i].v[j] += part[i].v[j];
    }
  }
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) value[i].v[j] += sum[i].v[j];
  }
}

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_RANK_LINKS_CUH_
