// One model on several ranks: processes that a launcher has started, all with the same command
// line.
#ifndef QED_CLI_RANKS_H_
#define QED_CLI_RANKS_H_

#include <functional>

#include "base/status.h"
#include "cli/model_session.h"

namespace qed {

// Carries out a command with a model: calls `lead`, on the first rank where --tp-size asks for
// several, with flags.ranks set; on the others it computes their part of the steps until the
// first one is done. Where no launcher has started this process, mpirun does so anew. Errors are
// the first rank's to tell: on the others this is OK whatever happened.
Status RunOnRanks(ModelFlags& flags, const std::function<Status()>& lead);

}  // namespace qed

#endif  // QED_CLI_RANKS_H_
