// What the processes of one session hold, seen from the outside through /proc:
// nothing that code in the jail says is believed.
#ifndef QED_SANDBOX_PROCESS_WATCH_H_
#define QED_SANDBOX_PROCESS_WATCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"

namespace qed {

// The number of the process that `pidfd` is a handle on. kUnsupported where /proc does not
// tell, also of a process that has ended.
Result<int> ProcessNumber(int pidfd);

class ProcessWatch {
 public:
  ProcessWatch() = default;
  // Of the process that `pidfd` is a handle on and everything below it.
  // kUnsupported where /proc does not show it (CONFIG_PROC_CHILDREN).
  static Result<ProcessWatch> Open(int pidfd);

  enum class Rest {
    kAtRest,    // every thread of the first process stands still, and it has no child
    kMoving,    // some thread has not stopped yet, without a child so far
    kChildren,  // processes are left
    kGone,
  };
  // After a SIGSTOP. What stands still in the kernel's eyes can start nothing any
  // more, so kAtRest is certain: whatever was under way when the signal came, a fork
  // too, has ended and shows.
  Rest Look() const;

  // Kills everything below it. What is forked meanwhile may escape this call.
  void KillChildren() const;

  struct Use {
    int processes = 0;
    int64_t bytes = 0;  // memory of all of them, pages that several share counted once
  };
  // Of all of them together. At least `enough` bytes may be an estimate from above
  // that takes no pages apart: give the limit, to have it cheap while below.
  Use Measure(int64_t enough) const;

 private:
  bool AllStopped() const;
  // The numbers of all processes below it.
  std::vector<int> Below() const;

  UniqueFd proc_;       // /proc
  UniqueFd process_;    // /proc/<the first process>: stays its own when numbers repeat
  std::string leader_;  // its number
};

}  // namespace qed

#endif  // QED_SANDBOX_PROCESS_WATCH_H_
