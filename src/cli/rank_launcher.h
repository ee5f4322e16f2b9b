// mpirun, started by this program where ranks are asked for and no launcher is there; and what a
// rank has to know of its launcher.
#ifndef QED_CLI_RANK_LAUNCHER_H_
#define QED_CLI_RANK_LAUNCHER_H_

#include <cstdint>

#include "base/status.h"

namespace qed {

// Runs this process's command line on so many ranks and ends with mpirun's exit code; returns only
// where mpirun cannot be started. SIGINT and SIGTERM become SIGUSR1 for the ranks, at which they
// end in good order (cli/interrupt.h); after a second one mpirun ends them. A mpirun that is
// killed, or stopped for longer than `stall_seconds`, is the end of all.
Status StartLauncher(int32_t size, double stall_seconds);

// Ends this process, rank `rank`, when its launcher has ended: nobody else would. Ends a launcher
// that is stopped for longer than `stall_seconds`.
void EndWithLauncher(int32_t rank, double stall_seconds);

}  // namespace qed

#endif  // QED_CLI_RANK_LAUNCHER_H_
