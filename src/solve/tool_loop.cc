#include "solve/tool_loop.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "solve/code_block.h"

namespace qed {

std::vector<std::string> ToolLoopConfig::StopStrings() const {
  std::vector<std::string> stop = end_texts;
  if (max_code_calls > 0) stop.push_back(tags.code_end);
  return stop;
}

ToolLoop::ToolLoop(const ToolLoopConfig& config, std::string prompt, int32_t prompt_tokens,
                   CountTokens count_tokens)
    : config_(config),
      prompt_(std::move(prompt)),
      count_tokens_(std::move(count_tokens)),
      confidence_(config.confidence_window) {
  transcript_.prompt_tokens = prompt_tokens;
}

ToolLoopAction ToolLoop::Start() {
  if (cancel_) return Finish(*cancel_);
  return Generate(std::move(prompt_));
}

ToolLoopAction ToolLoop::OnSegment(Segment segment) {
  Record(segment);
  switch (segment.finish) {
    case Segment::Finish::kStop:
      return OnStop(segment);
    case Segment::Finish::kLength:
      return Finish(SampleFinish::kLength);
    case Segment::Finish::kCancelled:
      return Finish(cancel_.value_or(SampleFinish::kCancelled));
    case Segment::Finish::kError:
      error_ = segment.error;
      return Finish(SampleFinish::kError);
  }
  QED_CHECK(false) << "unknown finish of a segment";
  return {};
}

ToolLoopAction ToolLoop::OnStop(const Segment& segment) {
  const bool wrote_code = config_.max_code_calls > 0 && segment.stop == config_.tags.code_end;
  if (!wrote_code) return Finish(SampleFinish::kStop);
  std::optional<std::string> code = ClosedCodeBlock(segment.text, config_.tags);
  if (!code) return Finish(SampleFinish::kUnmatchedCodeEnd);
  if (std::cmp_greater_equal(transcript_.code_calls.size(), config_.max_code_calls)) {
    return Finish(SampleFinish::kCodeLimit);
  }
  if (cancel_) return Finish(*cancel_);
  if (transcript_.generated_tokens >= config_.max_tokens) return Finish(SampleFinish::kLength);
  ToolLoopAction action;
  action.kind = ToolLoopAction::Kind::kExecute;
  action.text = *std::move(code);
  return action;
}

ToolLoopAction ToolLoop::OnCodeResult(const ExecuteResult& result) {
  transcript_.code_calls.push_back(
      {result.process_status, result.seconds, result.new_session_created});
  std::string block = FormatCodeOutput(result, config_.tags);
  if (config_.remaining_calls_notice) {
    block += RemainingCallsNotice(config_.max_code_calls -
                                  static_cast<int32_t>(transcript_.code_calls.size()));
  }
  const int32_t tokens = count_tokens_(block);
  transcript_.inserted_tokens += tokens;
  transcript_.segments.push_back({TranscriptSegment::Source::kTool, block, tokens});
  return Generate(std::move(block));
}

ToolLoopAction ToolLoop::OnCodeCancelled() {
  QED_CHECK(cancel_.has_value()) << "a program was ended for no reason";
  return Finish(*cancel_);
}

ToolLoopAction ToolLoop::Generate(std::string text) {
  const int32_t used =
      transcript_.prompt_tokens + transcript_.generated_tokens + transcript_.inserted_tokens;
  const int32_t room =
      std::min(config_.max_tokens - transcript_.generated_tokens, config_.max_seq_len - used);
  if (room <= 0) return Finish(SampleFinish::kLength);
  ToolLoopAction action;
  action.kind = ToolLoopAction::Kind::kGenerate;
  action.text = std::move(text);
  action.max_tokens = room;
  return action;
}

ToolLoopAction ToolLoop::Finish(SampleFinish finish) {
  finish_ = finish;
  return {};
}

void ToolLoop::Record(const Segment& segment) {
  TranscriptSegment recorded{TranscriptSegment::Source::kModel, segment.text, segment.num_tokens};
  const bool ended_turn = std::find(config_.end_texts.begin(), config_.end_texts.end(),
                                    segment.stop) != config_.end_texts.end();
  if (!segment.stop.empty() && ended_turn && recorded.text.ends_with(segment.stop)) {
    recorded.text.resize(recorded.text.size() - segment.stop.size());
  }
  transcript_.segments.push_back(std::move(recorded));
  transcript_.generated_tokens += segment.num_tokens;
  const bool first = transcript_.code_calls.empty();
  (first ? transcript_.prompt_prefilled : transcript_.inserted_prefilled) +=
      segment.prefilled_tokens;
  for (float logprob : segment.logprobs) {
    if (!std::isfinite(logprob)) continue;
    transcript_.logprob_sum += logprob;
    ++transcript_.logprob_count;
    confidence_.Add(logprob);
  }
  transcript_.lowest_window_logprob = confidence_.lowest_window();
}

}  // namespace qed
