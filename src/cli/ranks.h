// One model on several ranks, or several replicas of it: processes that a launcher has started,
// all with the same command line.
#ifndef QED_CLI_RANKS_H_
#define QED_CLI_RANKS_H_

#include <cstdint>
#include <functional>

#include "base/status.h"
#include "cli/model_session.h"
#include "parallel/rank_groups.h"

namespace qed {

// Carries out a command with a model: calls `lead`, on the first rank where --tp-size asks for
// several, with flags.ranks set; on the others it computes their part of the steps until the
// first one is done. Where no launcher has started this process, mpirun does so anew. Errors are
// the first rank's to tell: on the others this is OK whatever happened.
Status RunOnRanks(ModelFlags& flags, const std::function<Status()>& lead);

// The same for a command that replicas share: where the launcher has started several times
// --tp-size ranks, the first one of each --tp-size calls `lead` with all of them, else with null.
// An error that `lead` returns is the end of all, and told once; kCancelled, which each of them
// returns, by the first rank alone.
Status RunOnReplicas(ModelFlags& flags, const std::function<Status(RankGroups* replicas)>& lead);

// For calls of all replicas' `lead` together: OK where all are, and have the same `fingerprint`; on
// the first rank else one line, and kCancelled without one on the others.
Status AgreeOnReplicas(RankGroups& replicas, const Status& mine, uint64_t fingerprint);

}  // namespace qed

#endif  // QED_CLI_RANKS_H_
