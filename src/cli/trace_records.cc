#include "cli/trace_records.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace qed {
namespace {

using Source = TranscriptSegment::Source;

// A tool's segment ends a stretch; its program is the one of that number. Pieces
// without tokens between (a notice after an output, an empty turn) join what is
// before them.
std::vector<TraceStretch> StretchesOf(const Transcript& transcript) {
  std::vector<TraceStretch> stretches;
  size_t calls = 0;
  bool after_tool = true;
  for (const TranscriptSegment& segment : transcript.segments) {
    if (segment.source == Source::kModel) {
      if (segment.num_tokens <= 0) continue;
      if (after_tool) stretches.emplace_back();
      stretches.back().generate += segment.num_tokens;
      after_tool = false;
      continue;
    }
    if (stretches.empty()) continue;  // an output before anything was generated
    stretches.back().append += std::max(segment.num_tokens, 0);
    if (!after_tool && calls < transcript.code_calls.size()) {
      stretches.back().wait_seconds =
          std::clamp(transcript.code_calls[calls++].seconds, 0.0, 3600.0);
    }
    after_tool = true;
  }
  if (!stretches.empty()) {
    stretches.back().append = 0;
    stretches.back().wait_seconds = 0;
  }
  return stretches;
}

}  // namespace

Trace TraceOfRun(const RunRecords& records, const std::string& name) {
  Trace trace;
  trace.name = name;
  trace.at_a_time = MostAtATime(records);
  std::vector<const Sample*> samples;
  for (const std::vector<Sample>& of_problem : records.samples) {
    for (const Sample& sample : of_problem) samples.push_back(&sample);
  }
  std::stable_sort(samples.begin(), samples.end(),
                   [](const Sample* a, const Sample* b) { return a->start_time < b->start_time; });
  for (const Sample* sample : samples) {
    TraceSample made;
    made.problem = sample->problem_id;
    made.prompt = std::max(sample->transcript.prompt_tokens, 1);
    made.stretches = StretchesOf(sample->transcript);
    if (!made.stretches.empty()) trace.samples.push_back(std::move(made));
  }
  return trace;
}

}  // namespace qed
