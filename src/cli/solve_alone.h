// A run of `qed solve`, or what is left of one, by this process alone.
#ifndef QED_CLI_SOLVE_ALONE_H_
#define QED_CLI_SOLVE_ALONE_H_

#include <memory>

#include "base/status.h"
#include "cli/solve_work.h"
#include "solve/run_folder.h"
#include "solve/run_part.h"
#include "solve/solver.h"

namespace qed {

// Solves, sums up and prints. With a folder, what is recorded in it counts.
Status SolveAlone(SolveWork& work, bool resume);

// The run's own folder, and what is recorded in it.
Result<std::unique_ptr<RunFolder>> OpenFolder(const SolveWork& work, bool resume, RunSoFar& so_far);
void Restore(const RunSoFar& so_far, Solver& solver);
// What ended a run, and how to go on with it.
Status WithResumeHint(const Status& status, const SolveFlags& flags);

}  // namespace qed

#endif  // QED_CLI_SOLVE_ALONE_H_
