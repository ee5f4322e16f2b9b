// The run as a person sees it: one line per solved problem, on a terminal a
// line below that keeps changing, and the figures at the end.
#ifndef QED_SOLVE_PROGRESS_H_
#define QED_SOLVE_PROGRESS_H_

#include <cstdio>
#include <string>

#include "base/clock.h"
#include "solve/metrics.h"
#include "solve/solve_observer.h"

namespace qed {

// "problem 3: 42 (5 of 8 votes, 1 partial) expected 42: correct [agree:5]"; in the
// brackets what ended it before all samples were done.
std::string FormatProblem(const ProblemReport& report);

// "12 of 100 problems, 99 of 800 samples, 412 tokens/s, 3:20 left, bank 5:10, 2 in work |
// problem 7: 42 x3, 41 x1": the votes are the oldest problem's. With servers, " at
// host:5000 (12), host:5001 (away)" stands before them: samples that run there.
std::string FormatProgress(const SolveProgress& progress);

// Several lines: accuracy, tokens, code calls, seconds.
std::string FormatSummary(const Metrics& metrics);

// Prints solved problems to `out`, and the changing line to `live` (null: none).
class ProgressPrinter : public SolveObserver {
 public:
  ProgressPrinter(std::FILE* out, std::FILE* live, const Clock& clock);
  ~ProgressPrinter() override;

  void OnProblemDone(const ProblemReport& report) override;
  bool WantsProgress() const override;
  void OnProgress(const SolveProgress& progress) override;

 private:
  void ClearLiveLine();

  std::FILE* out_;
  std::FILE* live_;
  const Clock& clock_;
  Clock::Time last_shown_{};
  bool line_shown_ = false;
};

}  // namespace qed

#endif  // QED_SOLVE_PROGRESS_H_
