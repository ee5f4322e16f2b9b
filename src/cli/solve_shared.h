// A run that several processes work on: replicas that a launcher has started together, which are
// handed problem after problem, and shards, each with its own part of the problems, started
// whenever.
//
// Each process has records of its own (solve/run_part.h). The last one takes them all over into
// the run's folder and sums up: the folder is then that of a run by one process.
#ifndef QED_CLI_SOLVE_SHARED_H_
#define QED_CLI_SOLVE_SHARED_H_

#include "base/status.h"
#include "cli/solve_work.h"
#include "parallel/rank_groups.h"

namespace qed {

Status SolveOnReplicas(const SolveFlags& flags, RankGroups& replicas);
Status SolveShard(SolveWork& work);

}  // namespace qed

#endif  // QED_CLI_SOLVE_SHARED_H_
