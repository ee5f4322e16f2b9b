// The GPUs of several ranks, brought together while a network is loaded on them.
#ifndef QED_MODEL_CUDA_RANKS_H_
#define QED_MODEL_CUDA_RANKS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "cuda/buffer.h"
#include "cuda/peer_memory.h"
#include "model/rank_group.h"
#include "parallel/communicator.h"

namespace qed {

// Not thread-safe. With one GPU alone everything is agreed, and nothing is done.
class CudaRanks {
 public:
  explicit CudaRanks(const RankGroup& group) : group_(group) {}

  bool alone() const { return group_.ranks == nullptr; }
  Communicator& communicator() const { return *group_.ranks; }

  // Called by all ranks with how far each has got. Not OK if one of them has failed: on rank 0
  // and alone with the reason, elsewhere as AgreeOnNetwork (parallel/agreement.h).
  Status Agree(const Status& mine) const;
  // The smallest of all ranks'.
  int32_t Smallest(int32_t mine) const;

  // Called by all ranks once each has its `memory`, of one layout: maps that of the others.
  // kUnavailable where the GPUs do not reach each other, kUnsupported on several hosts.
  Status MapMemory(const cuda::DeviceBuffer& memory);
  // In the order of the ranks, this one's own included.
  std::span<std::byte* const> memories() const { return memories_; }
  // Where kernels say which rank is lost.
  uint32_t* lost() const { return lost_.As<uint32_t>(); }

  // From now on a rank that hangs is the end of all.
  void LimitStalls() const;
  // Ends all where kernels that the caller has waited for have missed a rank.
  void EndIfOneIsLost() const;

 private:
  const RankGroup group_;
  cuda::PinnedBuffer lost_;
  std::vector<cuda::PeerMemory> peers_;
  std::vector<std::byte*> memories_;
};

}  // namespace qed

#endif  // QED_MODEL_CUDA_RANKS_H_
