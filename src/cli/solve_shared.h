// A run that several processes work on: replicas that a launcher has started together, which are
// handed problem after problem, and shards, each with its own part of the problems, started
// whenever.
//
// Each process has records of its own (solve/run_part.h). The last one takes them all over into
// the run's folder and sums up: the folder is then that of a run by one process.
#ifndef QED_CLI_SOLVE_SHARED_H_
#define QED_CLI_SOLVE_SHARED_H_

#include <memory>

#include "base/status.h"
#include "cli/solve_work.h"
#include "parallel/rank_groups.h"
#include "solve/run_folder.h"
#include "solve/run_part.h"
#include "solve/solver.h"

namespace qed {

Status SolveOnReplicas(const SolveFlags& flags, RankGroups& replicas);
Status SolveShard(SolveWork& work);

// In solve_run.cc: a run, or what is left of it, by this process alone.
Status SolveAlone(SolveWork& work, bool resume);
// The run's own folder, and what is recorded in it.
Result<std::unique_ptr<RunFolder>> OpenFolder(const SolveWork& work, bool resume, RunSoFar& so_far);
void Restore(const RunSoFar& so_far, Solver& solver);
Status WithResumeHint(const Status& status, const SolveFlags& flags);

}  // namespace qed

#endif  // QED_CLI_SOLVE_SHARED_H_
