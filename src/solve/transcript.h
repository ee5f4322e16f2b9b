// What became of one sample: its text piece by piece, its programs, its end.
#ifndef QED_SOLVE_TRANSCRIPT_H_
#define QED_SOLVE_TRANSCRIPT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "sandbox/client.h"

namespace qed {

enum class SampleFinish {
  kStop,              // the model ended its turn
  kLength,            // out of tokens
  kCodeLimit,         // wrote another program after the last one allowed
  kUnmatchedCodeEnd,  // closed a code block that it had not opened
  kCancelled,         // not needed: a stop rule had settled the problem
  kDeadline,          // the problem's time was up
  kPruned,            // the model was too unsure of it (solve/confidence.h)
  kError,             // the generator could not go on
};

// "stop", "length", "code_limit", "unmatched_code_end", "cancelled", "deadline", "pruned",
// "error".
const char* SampleFinishName(SampleFinish finish);
Result<SampleFinish> ParseSampleFinish(const std::string& name);

struct TranscriptSegment {
  enum class Source { kModel, kTool };
  Source source = Source::kModel;
  std::string text;
  int32_t num_tokens = 0;  // generated, or inserted
};

struct CodeCall {
  ExecuteResult::ProcessStatus status = ExecuteResult::ProcessStatus::kCompleted;
  double seconds = 0;
  bool new_session = false;  // the interpreter started empty
};

struct Transcript {
  std::vector<TranscriptSegment> segments;
  std::vector<CodeCall> code_calls;
  int32_t prompt_tokens = 0;
  int32_t generated_tokens = 0;    // of all rounds
  int32_t inserted_tokens = 0;     // code outputs and notices
  int32_t prompt_prefilled = 0;    // computed for the prompt; the rest was cached
  int32_t inserted_prefilled = 0;  // computed after code outputs; inserted_tokens if all is well
  double logprob_sum = 0;          // of the generated tokens that have one
  int64_t logprob_count = 0;
  std::optional<double> lowest_window_logprob;  // solve/confidence.h; none without log-probs

  // The whole text after the prompt.
  std::string Text() const;
};

}  // namespace qed

#endif  // QED_SOLVE_TRANSCRIPT_H_
