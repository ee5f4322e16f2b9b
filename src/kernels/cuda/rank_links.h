// What kernels know of the GPUs that compute one network together.
//
// Each rank has memory that all the others reach, laid out alike on all of them: what a pointer
// into one's own memory means to rank r lies as far from the beginning of r's.
#ifndef QED_KERNELS_CUDA_RANK_LINKS_H_
#define QED_KERNELS_CUDA_RANK_LINKS_H_

#include <cstddef>
#include <cstdint>

namespace qed::cuda {

// GPUs that reach each other's memory.
inline constexpr int32_t kMostLinkedRanks = 16;

struct RankLinks {
  int32_t rank = 0;
  int32_t ranks = 1;
  std::byte* memory[kMostLinkedRanks] = {};  // of each rank, this one's own included
  // In that memory: what RankExchangeBytes (kernels/cuda/rank_sum.h) says.
  int64_t exchange = 0;
  int32_t width = 0;  // of the rows that are summed
  // A rank for which others wait longer is lost: its number + 1 is written to *lost, in pinned
  // memory of the host, and nobody waits any more; what is computed then means nothing.
  uint64_t wait_nanoseconds = 0;
  uint32_t* lost = nullptr;
};

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_RANK_LINKS_H_
