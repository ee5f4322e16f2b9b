#include "cli/solve_run.h"

#include <cstdio>
#include <memory>

#include "cli/interrupt.h"
#include "cli/solve_alone.h"
#include "cli/solve_shared.h"
#include "cli/solve_work.h"

namespace qed {

Status RunSolve(const SolveFlags& flags, RankGroups* replicas) {
  CatchInterrupts();
  if (replicas != nullptr) return SolveOnReplicas(flags, *replicas);
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<SolveWork> work, SolveWork::Open(flags));
  if (!work->source().server().empty()) {
    std::printf("%s at %s\n", work->source().model().c_str(), work->source().server().c_str());
  }
  return work->plan().shard.count > 1 ? SolveShard(*work) : SolveAlone(*work, flags.solve.resume);
}

}  // namespace qed
