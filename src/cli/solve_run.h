// A run of `qed solve`: joins text, sandbox, folder and solver.
#ifndef QED_CLI_SOLVE_RUN_H_
#define QED_CLI_SOLVE_RUN_H_

#include "base/status.h"
#include "cli/solve_plan.h"
#include "parallel/rank_groups.h"

namespace qed {

// Returns when all is solved, summed up and printed; with `replicas` (null: there are none) on the
// first of them, on the others when there is nothing left to solve. A shard of a run, other than
// the last one, is not summed up.
Status RunSolve(const SolveFlags& flags, RankGroups* replicas);

}  // namespace qed

#endif  // QED_CLI_SOLVE_RUN_H_
