// A process of ours that is watched from its start to its end, and never outlives us.
#ifndef QED_SERVE_REPLICAS_CHILD_PROCESS_H_
#define QED_SERVE_REPLICAS_CHILD_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace qed {

// Thread-safe. The process leads a process group of its own, so that a terminal's Ctrl-C does not
// reach it, reads nothing (/dev/null), has none of our other descriptors, and is killed when the
// thread that watches it ends, whatever ends us (PR_SET_PDEATHSIG).
class ChildProcess {
 public:
  struct Command {
    std::string program;                   // a path
    std::vector<std::string> words;        // argv, the program's name first
    std::vector<std::string> environment;  // all of it, as NAME=VALUE
  };
  struct Exit {
    int code = 0;     // of an exit
    int signal = 0;   // that ended it; 0: none did
    std::string how;  // "was ended by signal 9", "has ended with exit code 1"
  };
  // Called one at a time, on the thread of the process, until the destructor has returned.
  struct Events {
    std::function<void(std::string line)> on_output;  // a line of its standard output
    std::function<void(std::string line)> on_error;   // and of standard error
    std::function<void(const Exit& exit)> on_exit;    // once, the last call
  };

  // Starts the process. Where that cannot be done, on_exit says so.
  ChildProcess(Command command, Events events);
  // Kills what still runs and waits for its end. Not to be called from an event.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Nothing where it has ended.
  void Signal(int signal);
  pid_t pid() const;  // 0: it does not run

 private:
  void Run(Command command);
  bool Start(Command command, UniqueFd* output, UniqueFd* errors);
  void Watch(int process, UniqueFd output, UniqueFd errors);
  Exit Reap();

  const Events events_;
  mutable std::mutex mutex_;
  pid_t pid_ = 0;
  bool stopping_ = false;
  std::thread thread_;  // last: runs with all of the above
};

}  // namespace qed

#endif  // QED_SERVE_REPLICAS_CHILD_PROCESS_H_
