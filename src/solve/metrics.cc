#include "solve/metrics.h"

#include <cmath>

#include "base/json.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using nlohmann::json;

double Percent(double part, double whole) { return whole > 0 ? 100.0 * part / whole : 0.0; }

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

// Of a sample, with n - 1.
double StandardDeviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double mean = Mean(values);
  double squares = 0;
  for (double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

// Sums over problems, before they become shares.
struct Counts {
  double known = 0;                              // problems whose expected answer is known
  double sample_correct = 0;                     // sum of each problem's share of correct samples
  double sample_no_answer = 0;                   // sum of each problem's share without an answer
  double majority_correct = 0;                   // problems
  double any_correct = 0;                        // problems
  double no_vote = 0;                            // problems
  std::vector<double> deviations;                // of each known problem's samples, percent
  std::vector<std::vector<double>> run_correct;  // [sample index]: 0 or 100 per problem
};

void AddProblem(const Problem& problem, const ProblemOutcomes& outcomes, Counts& counts) {
  std::vector<double> correct;
  double answered = 0;
  double counted = 0;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (!outcomes[i] || !outcomes[i]->counts()) continue;
    ++counted;
    answered += outcomes[i]->answer.empty() ? 0 : 1;
    const double score = outcomes[i]->correct.value_or(false) ? 100.0 : 0.0;
    correct.push_back(score);
    if (problem.expected_answer) counts.run_correct[i].push_back(score);
  }
  const Tally tally = CountVotes(outcomes);
  counts.sample_no_answer += counted > 0 ? (counted - answered) / counted : 1;
  counts.no_vote += tally.votes.empty() ? 1 : 0;
  if (!problem.expected_answer) return;
  ++counts.known;
  counts.sample_correct += Mean(correct) / 100.0;
  counts.deviations.push_back(StandardDeviation(correct));
  counts.majority_correct += MajorityCorrect(problem, tally).value_or(false) ? 1 : 0;
  counts.any_correct += Mean(correct) > 0 ? 1 : 0;
}

json ModeToJson(const Metrics& metrics, const Accuracy& accuracy) {
  const double samples = static_cast<double>(metrics.samples_done);
  json mode = {
      {"num_entries", metrics.num_problems},
      {"avg_tokens", samples > 0 ? static_cast<double>(metrics.generated_tokens) / samples : 0.0},
      {"gen_seconds", metrics.seconds},
      {"no_answer", accuracy.no_answer},
  };
  if (!metrics.model.empty()) mode["model"] = metrics.model;
  if (!metrics.server.empty()) mode["server"] = metrics.server;
  if (accuracy.correct) mode["symbolic_correct"] = *accuracy.correct;
  return mode;
}

}  // namespace

Metrics ComputeMetrics(const std::vector<Problem>& problems,
                       const std::vector<ProblemOutcomes>& outcomes, int32_t num_samples,
                       double seconds) {
  QED_CHECK_EQ(problems.size(), outcomes.size());
  Metrics metrics;
  metrics.num_problems = static_cast<int64_t>(problems.size());
  metrics.num_samples = num_samples;
  metrics.seconds = seconds;
  Counts counts;
  counts.run_correct.resize(static_cast<size_t>(num_samples));
  for (size_t i = 0; i < problems.size(); ++i) {
    AddProblem(problems[i], outcomes[i], counts);
    for (const std::optional<SampleOutcome>& outcome : outcomes[i]) {
      if (!outcome) continue;
      ++metrics.samples_done;
      metrics.generated_tokens += outcome->generated_tokens;
      metrics.code_calls += outcome->code_calls;
    }
  }
  const double all = static_cast<double>(problems.size());
  metrics.pass_at_1.no_answer = Percent(counts.sample_no_answer, all);
  metrics.majority.no_answer = Percent(counts.no_vote, all);
  metrics.pass_at_k.no_answer = Percent(counts.no_vote, all);
  if (counts.known > 0) {
    metrics.pass_at_1.correct = Percent(counts.sample_correct, counts.known);
    metrics.majority.correct = Percent(counts.majority_correct, counts.known);
    metrics.pass_at_k.correct = Percent(counts.any_correct, counts.known);
  }
  std::vector<double> runs;
  for (const std::vector<double>& run : counts.run_correct) {
    if (!run.empty()) runs.push_back(Mean(run));
  }
  metrics.std_dev_across_runs = StandardDeviation(runs);
  metrics.avg_sample_std_dev = Mean(counts.deviations);
  if (!runs.empty()) {
    metrics.std_err_across_runs =
        metrics.std_dev_across_runs / std::sqrt(static_cast<double>(runs.size()));
  }
  return metrics;
}

void AddSelections(const std::vector<SelectionOutcome>& selected, int32_t num_selections,
                   Metrics& metrics) {
  metrics.num_selections = num_selections;
  double known = 0;
  double correct = 0;
  double no_answer = 0;
  for (const SelectionOutcome& outcome : selected) {
    metrics.selections_done += outcome.selections;
    metrics.selection_tokens += outcome.generated_tokens;
    no_answer += outcome.answer.empty() ? 1 : 0;
    known += outcome.correct ? 1 : 0;
    correct += outcome.correct.value_or(false) ? 1 : 0;
  }
  metrics.genselect.no_answer = Percent(no_answer, static_cast<double>(selected.size()));
  if (known > 0) metrics.genselect.correct = Percent(correct, known);
}

std::string MetricsToJson(const Metrics& metrics, const std::string& benchmark) {
  const std::string k = std::to_string(metrics.num_samples);
  json pass_at_1 = ModeToJson(metrics, metrics.pass_at_1);
  if (metrics.pass_at_1.correct) {
    pass_at_1["symbolic_correct_statistics"] = {
        {"avg", *metrics.pass_at_1.correct},
        {"std_dev_across_runs", metrics.std_dev_across_runs},
        {"avg_sample_std_dev", metrics.avg_sample_std_dev},
        {"std_err_across_runs", metrics.std_err_across_runs}};
  }
  json modes = {{"pass@1[avg-of-" + k + "]", pass_at_1},
                {"majority@" + k, ModeToJson(metrics, metrics.majority)},
                {"pass@" + k, ModeToJson(metrics, metrics.pass_at_k)}};
  if (metrics.num_selections > 0) {
    json& genselect = modes["genselect@" + k] = ModeToJson(metrics, metrics.genselect);
    genselect["num_selections"] = metrics.selections_done;
    genselect["selection_tokens"] = metrics.selection_tokens;
  }
  return DumpJson(json{{benchmark, modes}}) + "\n";
}

}  // namespace qed
