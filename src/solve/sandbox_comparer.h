// Compares answers (equality/) in the jail that models' programs run in: an answer is a
// stranger's text as much as a program is.
#ifndef QED_SOLVE_SANDBOX_COMPARER_H_
#define QED_SOLVE_SANDBOX_COMPARER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
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
  double seconds = 1.0;         // of processor time, for one comparison
  double seconds_again = 10.0;  // for one that is asked again
  int32_t threads = 1;          // sessions that compare side by side
};

// Each thread keeps one session, which no model's program ever enters: the program is
// compiled there once, and everything that waits is asked in one call. A comparison that
// is cut off is asked again when nothing else waits, with more time, and says so
// (Judgement::again). Verdicts are remembered as long as the comparer lives. What stops a session
// (a crash, no memory) is replaced by a new one. Thread-safe.
class SandboxComparer : public AnswerComparer {
 public:
  // Comparisons that one call to the sandbox may hold.
  static constexpr size_t kMaxBatch = 64;

  // `sandbox` must outlive the comparer. REQUIRES: threads >= 1.
  explicit SandboxComparer(SandboxClient& sandbox, SandboxComparerOptions options = {});
  ~SandboxComparer() override;
  SandboxComparer(const SandboxComparer&) = delete;
  SandboxComparer& operator=(const SandboxComparer&) = delete;

  void Compare(ComparisonRequest request, std::function<void(Verdicts)> done) override;
  void Stop() override;

 private:
  struct Job;
  class Worker;
  using Jobs = std::vector<std::unique_ptr<Job>>;

  // Verdicts that are known already.
  void Recall(Job& job);
  void Remember(const Job& job);
  void Finish(Job& job);
  // False once all is stopped.
  bool OpenSession(const std::string& id);
  // False where there is none by that id.
  bool ForgetSession(const std::string& id);

  SandboxClient& sandbox_;
  const SandboxComparerOptions options_;
  std::mutex mutex_;
  bool stopped_ = false;                  // guarded by mutex_
  std::set<std::string> sessions_;        // that live; guarded by mutex_
  std::map<std::string, Verdict> known_;  // by what was asked; guarded by mutex_
  BlockingQueue<std::unique_ptr<Job>> jobs_;
  std::vector<std::thread> threads_;
};

}  // namespace qed

#endif  // QED_SOLVE_SANDBOX_COMPARER_H_
