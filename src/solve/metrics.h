// The figures of a run: metrics.json and the summary line.
#ifndef QED_SOLVE_METRICS_H_
#define QED_SOLVE_METRICS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "solve/genselect.h"
#include "solve/outcome.h"
#include "solve/problem.h"

namespace qed {

// Percentages are 0..100. Shares of correct answers are over the problems whose
// expected answer is known; none if there is no such problem. Samples that a
// stop rule cancelled or that were pruned do not count.
struct Accuracy {
  std::optional<double> correct;
  double no_answer = 0;
};

struct Metrics {
  std::string model;   // its name; empty: not known
  std::string server;  // URLs it was asked at; empty: it ran in the process itself
  int64_t num_problems = 0;
  int32_t num_samples = 0;     // k: per problem
  Accuracy pass_at_1;          // mean over samples
  Accuracy majority;           // of the most voted answer
  Accuracy pass_at_k;          // of any sample
  int32_t num_selections = 0;  // of each problem; 0: `genselect` says nothing
  Accuracy genselect;          // of the selected answer, the vote's where none was
  int64_t selections_done = 0;
  int64_t selection_tokens = 0;  // generated for them; not in generated_tokens
  int64_t generated_tokens = 0;
  int64_t code_calls = 0;
  int64_t samples_done = 0;  // cancelled ones included
  double seconds = 0;        // the run took

  // Of pass_at_1: each sample index is one run over the problems.
  double std_dev_across_runs = 0;
  double avg_sample_std_dev = 0;  // mean over problems of their samples' deviation
  double std_err_across_runs = 0;
};

// `outcomes[i]` are those of `problems[i]`.
Metrics ComputeMetrics(const std::vector<Problem>& problems,
                       const std::vector<ProblemOutcomes>& outcomes, int32_t num_samples,
                       double seconds);

// Fills in what selections came to: one outcome a problem.
void AddSelections(const std::vector<SelectionOutcome>& selected, int32_t num_selections,
                   Metrics& metrics);

// {benchmark: {"pass@1[avg-of-k]": {...}, "majority@k": {...}, "pass@k": {...}}} (and
// "genselect@k" where there are selections: k is the samples, as in the others),
// the shape NeMo-Skills' evaluation writes.
std::string MetricsToJson(const Metrics& metrics, const std::string& benchmark);

}  // namespace qed

#endif  // QED_SOLVE_METRICS_H_
