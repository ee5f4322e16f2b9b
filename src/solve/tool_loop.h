// One sample's way through text and programs, as a state machine: it is told
// what happened and says what to do next. No threads, no clock, no engine.
//
//   Start -> generate -> (program found) execute -> generate -> ... -> finished
#ifndef QED_SOLVE_TOOL_LOOP_H_
#define QED_SOLVE_TOOL_LOOP_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "sandbox/client.h"
#include "solve/confidence.h"
#include "solve/generator.h"
#include "solve/transcript.h"
#include "text/prompt.h"

namespace qed {

struct ToolLoopConfig {
  CodeTags tags;
  std::vector<std::string> end_texts;   // that end the assistant's turn; not part of the text
  int32_t max_code_calls = 6;           // 0: code is only text
  bool remaining_calls_notice = false;  // after each output
  int32_t max_tokens = 2048;            // generated, over all rounds
  int32_t confidence_window = 256;      // tokens, see solve/confidence.h
  int32_t max_seq_len = 0;              // tokens of prompt, generated and inserted text together

  // Stop strings of the sample's stream.
  std::vector<std::string> StopStrings() const;
};

struct ToolLoopAction {
  enum class Kind { kGenerate, kExecute, kFinished };
  Kind kind = Kind::kFinished;
  std::string text;        // kGenerate: to append first; kExecute: the program
  int32_t max_tokens = 0;  // kGenerate
};

class ToolLoop {
 public:
  using CountTokens = std::function<int32_t(std::string_view)>;

  // `config` must outlive the loop. `prompt_tokens` are those of `prompt`.
  ToolLoop(const ToolLoopConfig& config, std::string prompt, int32_t prompt_tokens,
           CountTokens count_tokens);

  // Each of these once per action that calls for it. A program is executed only
  // if the model closed its block itself: never one cut off by a limit or a
  // cancel.
  ToolLoopAction Start();
  ToolLoopAction OnSegment(Segment segment);
  ToolLoopAction OnCodeResult(const ExecuteResult& result);
  // Instead of OnCodeResult, where the program was ended because of Cancel.
  ToolLoopAction OnCodeCancelled();

  // The sample is to end for `reason` (kCancelled, kDeadline or kPruned). The text so far
  // is kept: what runs must still be reported, and the answer to that report is
  // kFinished. A sample that ended by itself meanwhile keeps its own reason.
  void Cancel(SampleFinish reason) { cancel_ = reason; }
  bool cancelled() const { return cancel_.has_value(); }

  // Valid after kFinished.
  SampleFinish finish() const { return finish_; }
  const Status& error() const { return error_; }  // set when finish() is kError

  const Transcript& transcript() const { return transcript_; }

 private:
  ToolLoopAction Finish(SampleFinish finish);
  ToolLoopAction Generate(std::string text);
  ToolLoopAction OnStop(const Segment& segment);
  void Record(const Segment& segment);

  const ToolLoopConfig& config_;
  std::string prompt_;
  CountTokens count_tokens_;
  Transcript transcript_;
  ConfidenceMeter confidence_;
  std::optional<SampleFinish> cancel_;
  SampleFinish finish_ = SampleFinish::kStop;
  Status error_;
};

}  // namespace qed

#endif  // QED_SOLVE_TOOL_LOOP_H_
