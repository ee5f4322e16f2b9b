// Runs programs in the sandbox on threads of its own, so that generation never
// waits for Python.
#ifndef QED_SOLVE_CODE_RUNNER_H_
#define QED_SOLVE_CODE_RUNNER_H_

#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "sandbox/client.h"
#include "solve/blocking_queue.h"

namespace qed {

// Thread-safe. Jobs start in the order given.
class CodeRunner {
 public:
  using Done = std::function<void(Result<ExecuteResult>)>;

  // `sandbox` must outlive the runner. REQUIRES: threads >= 1.
  CodeRunner(SandboxClient& sandbox, int32_t threads);
  // Does what was asked for, then ends the threads.
  ~CodeRunner();
  CodeRunner(const CodeRunner&) = delete;
  CodeRunner& operator=(const CodeRunner&) = delete;

  // `done` is called once, from one of the runner's threads. REQUIRES: no other
  // program of the session is waiting.
  void Execute(ExecuteRequest request, Done done);
  // Ends a running program of the session at once, however many others run or wait;
  // one that still waits is not begun (`done` gets kCancelled).
  void CloseSession(std::string session_id);

 private:
  // Whether the session's program may begin: it was not closed meanwhile.
  bool TakeWaiting(const std::string& session_id);

  SandboxClient& sandbox_;
  BlockingQueue<std::function<void()>> jobs_;
  BlockingQueue<std::string> closings_;
  std::mutex mutex_;
  std::set<std::string> waiting_;  // sessions with a program in jobs_; guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace qed

#endif  // QED_SOLVE_CODE_RUNNER_H_
