#include "cli/interrupt.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <initializer_list>
#include <thread>

namespace qed {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void OnSignal(int) { interrupted.store(true); }

}  // namespace

const std::atomic<bool>& CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  // Back to the default after the first one, which ends the process.
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGUSR1, &action, nullptr);
  return interrupted;
}

void WaitForInterrupt(double drain_seconds) {
  while (!interrupted) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  std::fprintf(stderr,
               "qed serve: ending; running requests get %g s, a second signal stops at once\n",
               drain_seconds);
}

void RaiseInterrupt() { interrupted.store(true); }

}  // namespace qed
