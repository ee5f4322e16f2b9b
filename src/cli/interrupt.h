// Ctrl-C, SIGTERM and SIGUSR1 as a flag, so that a command can end in good order.
#ifndef QED_CLI_INTERRUPT_H_
#define QED_CLI_INTERRUPT_H_

#include <atomic>

namespace qed {

// From the first call on, the first SIGINT or SIGTERM sets the flag; the second
// ends the process at once. SIGUSR1 sets it too: launchers of ranks pass that on and leave the
// ranks alone, while after the others they kill what has not ended at once.
const std::atomic<bool>& CatchInterrupts();

// Of a server: returns once the flag is set, and says that running requests get so many seconds.
void WaitForInterrupt(double drain_seconds);

// Sets the flag as a signal does.
void RaiseInterrupt();

}  // namespace qed

#endif  // QED_CLI_INTERRUPT_H_
