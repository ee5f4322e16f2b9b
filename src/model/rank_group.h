// Who computes a network together.
#ifndef QED_MODEL_RANK_GROUP_H_
#define QED_MODEL_RANK_GROUP_H_

#include <cstdint>

#include "model/network_shard.h"
#include "parallel/communicator.h"

namespace qed {

struct RankGroup {
  Communicator* ranks = nullptr;  // null: one process alone
  uint64_t fingerprint = 0;       // of everything that must be the same on all ranks
  double stall_seconds = 0;       // a rank that others wait for longer hangs

  RankShard place() const {
    return ranks == nullptr ? RankShard{} : RankShard{ranks->rank(), ranks->size()};
  }
};

}  // namespace qed

#endif  // QED_MODEL_RANK_GROUP_H_
