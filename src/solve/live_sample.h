// A sample at work, as the solver keeps it.
#ifndef QED_SOLVE_LIVE_SAMPLE_H_
#define QED_SOLVE_LIVE_SAMPLE_H_

#include <atomic>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/clock.h"
#include "solve/confidence.h"
#include "solve/generator.h"
#include "solve/genselect.h"
#include "solve/sample.h"
#include "solve/tool_loop.h"

namespace qed {

// Watches a sample's confidence while it is generated. The meter belongs to the
// generator's thread, the bound is set by the solver's.
struct ConfidenceWatch {
  explicit ConfidenceWatch(int32_t window) : meter(window) {}

  // Whether the new tokens bring a full window below the bound, the first time.
  bool FallsBelow(std::span<const float> logprobs) {
    for (const float logprob : logprobs) meter.Add(logprob);
    if (told || !meter.window_full() || *meter.lowest_window() >= bound.load()) return false;
    return told = true;
  }

  ConfidenceMeter meter;
  bool told = false;
  std::atomic<double> bound{-std::numeric_limits<double>::infinity()};
};

struct LiveSample {
  enum class Phase { kGenerating, kExecuting };

  LiveSample(size_t problem_index, Sample empty, ToolLoop tool_loop)
      : problem(problem_index), sample(std::move(empty)), loop(std::move(tool_loop)) {}

  size_t problem;
  Sample sample;  // its transcript is filled in at the end
  ToolLoop loop;
  std::shared_ptr<ConfidenceWatch> watch;  // null: not pruned
  std::unique_ptr<GenerationStream> stream;
  std::string session_id;
  Phase phase = Phase::kGenerating;
  bool has_session = false;  // in the sandbox
  Clock::Time since;         // when what runs now began
};

// A judgment at work (solve/genselect.h).
struct LiveSelection {
  size_t problem = 0;
  Selection selection;
  std::unique_ptr<GenerationStream> stream;
};

// Errors of one stream, after which others can still be done.
inline bool ConcernsOneSample(const Status& error) {
  return error.code() == StatusCode::kResourceExhausted ||
         error.code() == StatusCode::kInvalidArgument || error.code() == StatusCode::kUnsupported;
}

}  // namespace qed

#endif  // QED_SOLVE_LIVE_SAMPLE_H_
