// The ranks that a launcher started this process among: mpirun, srun or another one of MPI's.
#ifndef QED_PARALLEL_LAUNCHED_RANKS_H_
#define QED_PARALLEL_LAUNCHED_RANKS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "parallel/rank_groups.h"

namespace qed {

struct LaunchedRank {
  int32_t rank = 0;
  int32_t size = 1;
  int32_t on_host = 1;  // ranks on this host, this one included
  // Ranks on this host before this one; none: not said.
  std::optional<int32_t> index_on_host = std::nullopt;
};

// What the launcher says in the environment, read by `variable`; none where there is none, or it
// started one process alone.
std::optional<LaunchedRank> FindLauncher(
    const std::function<const char*(const char* name)>& variable);
std::optional<LaunchedRank> FindLauncher();

// Joins the other ranks; waits until all have. Once in a process. kUnsupported where this
// build has no MPI.
Result<std::unique_ptr<RankGroups>> JoinRanks(const RankOptions& options);

}  // namespace qed

#endif  // QED_PARALLEL_LAUNCHED_RANKS_H_
