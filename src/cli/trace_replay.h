// Runs a trace's traffic through an engine, in real time: the closed loop of a
// solve run without its texts.
#ifndef QED_CLI_TRACE_REPLAY_H_
#define QED_CLI_TRACE_REPLAY_H_

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "cli/trace.h"
#include "config/sampling_params.h"
#include "engine/engine.h"

namespace qed {

// Times are seconds since the first sample was submitted.
struct ReplayedSample {
  bool started = false;    // false: its problem had enough before its turn came
  bool cancelled = false;  // its problem had enough
  double start_s = 0;
  double first_token_s = 0;
  double end_s = 0;
  double sandbox_s = 0;  // of that time, waiting for the sandbox
  int64_t generated = 0;
  int64_t appended = 0;
};

struct TraceReport {
  std::vector<ReplayedSample> samples;  // as in the trace
  double seconds = 0;                   // to the last end
  int64_t generated = 0;                // tokens of all samples
  int64_t kept = 0;                     // of those that were not cancelled
  int64_t prefilled = 0;                // tokens of prompts and outputs, computed
  int64_t cached = 0;                   // found in the prefix cache instead
  int32_t most_at_a_time = 0;           // samples
  double tail_s = 0;  // at the end, with fewer than half as many samples under way
};

// Every stretch has its trace's length (ends of sequence are ignored); `params` says
// how its tokens are drawn, the sample's index in the trace being its sample index.
// kInvalidArgument where a sample does not fit the engine's context or an id its
// vocabulary. With `made_up` stretches without ids get made-up ones, as prompts do, so that
// a simulated drafter knows them. The engine must have nothing else to do.
Result<TraceReport> ReplayTrace(Engine& engine, int32_t vocab_size, const Trace& trace,
                                const SamplingParams& params, bool made_up = false);

}  // namespace qed

#endif  // QED_CLI_TRACE_REPLAY_H_
