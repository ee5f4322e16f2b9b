// Traces: what a run asked of the engine, as lengths and times, so that the same
// traffic can be run again on any weights (docs/traces.md).
#ifndef QED_CLI_TRACE_H_
#define QED_CLI_TRACE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace qed {

// One stretch of a sample: tokens from the model, then (but for the last stretch)
// the program's run and its output.
struct TraceStretch {
  int32_t generate = 0;          // tokens, at least one
  std::vector<int32_t> ids;      // those very tokens, to be forced; empty: whatever comes
  double wait_seconds = 0;       // what the sandbox took
  int32_t append = 0;            // tokens of the output
  std::vector<int32_t> outputs;  // those very tokens; empty: any
};

struct TraceSample {
  std::string problem;              // samples of one problem have one prompt
  int32_t prompt = 0;               // tokens, at least one
  std::vector<int32_t> prompt_ids;  // those very tokens; empty: any
  std::vector<TraceStretch> stretches;

  int64_t tokens() const;  // that the sequence ends with
};

struct Trace {
  std::string name;
  int32_t at_a_time = 0;  // samples; 0: all
  int32_t enough = 0;     // samples of a problem, then its others are cancelled; 0: all
  std::vector<TraceSample> samples;
};

// `name` is for messages, which name it and the line. Lengths are below 2^24, times
// at most an hour.
Result<Trace> ParseTrace(std::string_view text, const std::string& name);
Result<Trace> ReadTrace(const std::string& path);

// The file's text.
std::string TraceText(const Trace& trace);

}  // namespace qed

#endif  // QED_CLI_TRACE_H_
