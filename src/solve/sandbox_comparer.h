// Compares answers with sympy, in the jail that models' programs run in: an answer
// is a stranger's text as much as a program is.
#ifndef QED_SOLVE_SANDBOX_COMPARER_H_
#define QED_SOLVE_SANDBOX_COMPARER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "sandbox/client.h"
#include "solve/answer_comparer.h"
#include "solve/blocking_queue.h"

namespace qed {

struct SandboxComparerOptions {
  double timeout = 2.0;  // seconds, of one call: the comparisons of one answer
  int32_t threads = 2;   // calls that run at a time
};

// Each call is a session of its own, ended with it. What a time-out leaves over is
// asked again without the pair it came at; after kMaxTimeouts of them the rest
// counts as timed out too. Thread-safe.
class SandboxComparer : public AnswerComparer {
 public:
  static constexpr int kMaxTimeouts = 3;

  // `sandbox` must outlive the comparer. REQUIRES: threads >= 1.
  explicit SandboxComparer(SandboxClient& sandbox, SandboxComparerOptions options = {});
  ~SandboxComparer() override;
  SandboxComparer(const SandboxComparer&) = delete;
  SandboxComparer& operator=(const SandboxComparer&) = delete;

  void Compare(ComparisonRequest request, std::function<void(Verdicts)> done) override;
  void Stop() override;

 private:
  Verdicts Ask(const ComparisonRequest& request);
  Result<ExecuteResult> Execute(const std::string& input);

  SandboxClient& sandbox_;
  const SandboxComparerOptions options_;
  std::mutex mutex_;
  bool stopped_ = false;            // guarded by mutex_
  uint64_t next_session_ = 0;       // guarded by mutex_
  std::set<std::string> sessions_;  // of the calls that run; guarded by mutex_
  BlockingQueue<std::function<void()>> jobs_;
  std::vector<std::thread> threads_;
};

}  // namespace qed

#endif  // QED_SOLVE_SANDBOX_COMPARER_H_
