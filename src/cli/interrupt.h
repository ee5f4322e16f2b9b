// Ctrl-C and SIGTERM as a flag, so that a command can end in good order.
#ifndef QED_CLI_INTERRUPT_H_
#define QED_CLI_INTERRUPT_H_

#include <atomic>

namespace qed {

// From the first call on, the first SIGINT or SIGTERM sets the flag; the second
// ends the process at once.
const std::atomic<bool>& CatchInterrupts();

}  // namespace qed

#endif  // QED_CLI_INTERRUPT_H_
