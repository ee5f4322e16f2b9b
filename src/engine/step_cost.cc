#include "engine/step_cost.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace qed {
namespace {

// Rows that are timed. On a GPU a step of more rows is computed by other kernels.
constexpr std::array<int32_t, 5> kOnCpu = {1, 2, 4, 8, 16};
constexpr std::array<int32_t, 9> kOnDevice = {1, 2, 4, 8, 16, 32, 40, 48, 64};

// Seconds of a step of one sequence with so many rows.
Result<double> TimeStep(StepRunner& runner, int32_t rows, bool on_cpu) {
  const std::vector<int32_t> tokens(static_cast<size_t>(rows), 0);
  std::vector<int32_t> logit_rows(tokens.size());
  std::iota(logit_rows.begin(), logit_rows.end(), 0);
  std::vector<int32_t> pages(
      static_cast<size_t>((rows + runner.page_size() - 1) / runner.page_size()));
  std::iota(pages.begin(), pages.end(), 0);
  const ForwardBatch::Sequence sequence = {.num_rows = rows, .pages = pages};
  std::vector<StepSample> samples(tokens.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].position = i;
    samples[i].draft = i + 1 < samples.size() ? 0 : -1;
  }
  const int32_t slot = 0;
  const double begin = ComputeSeconds(on_cpu);
  runner.Start(slot, SamplingParams{}, std::span(tokens).first(1), {false});
  runner.Launch(
      {.forward = {.tokens = tokens, .sequences = {&sequence, 1}, .logit_rows = logit_rows},
       .slots = {&slot, 1},
       .samples = samples});
  if (const auto sampled = runner.Finish(); !sampled.ok()) return sampled.status();
  return on_cpu ? ComputeSeconds(true) - begin : runner.last_times().run_seconds;
}

}  // namespace

double ComputeSeconds(bool on_cpu) {
  if (!on_cpu) return Seconds(Clock::Real().Now().time_since_epoch());
  timespec time = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

Result<StepCost> MeasureStepCost(StepRunner& runner, int32_t max_rows, bool on_cpu) {
  max_rows = std::min({max_rows, runner.max_num_tokens(), runner.num_pages() * runner.page_size()});
  std::vector<StepCost::Point> points;
  for (int32_t rows : on_cpu ? std::span<const int32_t>(kOnCpu) : kOnDevice) {
    if (rows > max_rows) break;
    QED_ASSIGN_OR_RETURN(const double first, TimeStep(runner, rows, on_cpu));
    QED_ASSIGN_OR_RETURN(const double second, TimeStep(runner, rows, on_cpu));
    points.push_back({rows, std::min(first, second)});
  }
  return StepCost(std::move(points));
}

}  // namespace qed
