#include "serve/choice.h"

#include <algorithm>
#include <utility>

namespace qed {
namespace {

const char* CancelName(CancelReason reason) {
  return reason == CancelReason::kTimeout ? "timeout" : "cancelled";
}

}  // namespace

Choice::Choice(Engine& engine, const Tokenizer& tokenizer, RequestQueue& queue, CodeRunner* code,
               ChoiceTask task, std::shared_ptr<ChoiceListener> listener)
    : engine_(engine),
      tokenizer_(tokenizer),
      queue_(queue),
      code_(code),
      task_(std::move(task)),
      listener_(std::move(listener)) {
  result_.prompt_tokens = static_cast<int32_t>(task_.prompt.size());
  if (task_.sandbox) MakeLoop();
}

void Choice::MakeLoop() {
  const SandboxTool& tool = *task_.sandbox;
  loop_config_.tags = tool.tags;
  loop_config_.end_texts = task_.params.stop;
  loop_config_.max_code_calls = tool.max_code_calls;
  loop_config_.remaining_calls_notice = tool.remaining_calls_notice;
  loop_config_.max_tokens = task_.params.max_tokens;
  loop_config_.max_seq_len = engine_.max_seq_len();
  task_.params.stop = loop_config_.StopStrings();
  // The loop's prompt is empty: its tokens are known already.
  loop_ = std::make_unique<ToolLoop>(loop_config_, "", result_.prompt_tokens,
                                     [this](std::string_view text) {
                                       return static_cast<int32_t>(tokenizer_.Encode(text).size());
                                     });
}

void Choice::Start() {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kWaiting) {
    // Cancelled between the queue's decision and now.
    queue_.Finish(ticket.item.user, 0);
    return;
  }
  started_ = true;
  listener_->OnChoiceStarted(task_.index);
  state_ = State::kGenerating;
  if (loop_) task_.params.max_tokens = loop_->Start().max_tokens;
  if (task_.params.max_tokens == 0) return FinishLoop(SampleFinish::kLength);
  Submit();
}

void Choice::Submit() {
  Request request;
  request.prompt = std::move(task_.prompt);
  request.generated = std::move(task_.generated);
  request.params = task_.params;
  // What the loop appends itself must not be in the model's text already.
  if (loop_) request.params.include_stop_text = false;
  request.skip_special_tokens = task_.skip_special_tokens;
  request.score_prompt = task_.score_prompt;
  request.keep = loop_ != nullptr;
  request.sink = shared_from_this();
  Result<RequestId> id = engine_.Submit(std::move(request));
  if (!id.ok()) return Fail(id.status());
  id_ = *id;
}

void Choice::Cancel(CancelReason reason) {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kDone || cancel_ != CancelReason::kNone) return;
  cancel_ = reason;
  switch (state_) {
    case State::kWaiting:
      // If the queue has decided to start it, Start finds that it is over.
      queue_.Remove(ticket.item);
      result_.finish_reason = CancelName(reason);
      return Done();
    case State::kGenerating:
      if (loop_) loop_->Cancel(SampleFinish::kCancelled);
      engine_.Cancel(*id_);
      return;
    case State::kExecuting:
      loop_->Cancel(SampleFinish::kCancelled);
      loop_->OnCodeCancelled();
      return FinishLoop(SampleFinish::kCancelled);
    case State::kDone:
      return;
  }
}

void Choice::Abandon() {
  const std::lock_guard lock(mutex_);
  state_ = State::kDone;
  ticket.start = nullptr;
  listener_ = nullptr;
}

void Choice::OnTokens(RequestId, const TokenChunk& chunk) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kGenerating) return;
  if (loop_) segment_ += chunk.text;
  const bool logprobs = task_.params.logprobs >= 0;
  static const std::vector<TokenLogprob> kNone;
  listener_->OnChoiceText(task_.index, {chunk.text, chunk.token_ids,
                                        logprobs ? chunk.logprobs : kNone, chunk.prompt_logprobs});
}

void Choice::OnDone(RequestId, const FinishInfo& info) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kGenerating) return;
  AddCounts(info);
  if (info.reason == FinishReason::kError) return Fail(info.error);
  if (!loop_) return FinishPlain(info);
  Segment segment = TakeSegment(info);
  if (segment.stop == loop_config_.tags.code_end) {
    Send(segment.stop);
  } else {
    result_.stop_text = segment.stop;
  }
  Act(loop_->OnSegment(std::move(segment)));
}

void Choice::AddCounts(const FinishInfo& info) {
  if (result_.generated_tokens == 0) result_.cached_tokens = info.cached_tokens;
  result_.generated_tokens += info.generated_tokens;
  const auto& ids = task_.params.stop_token_ids;
  if (std::ranges::find(ids, info.stop_token_id) != ids.end()) {
    result_.stop_token_id = info.stop_token_id;
  }
}

Segment Choice::TakeSegment(const FinishInfo& info) {
  Segment segment;
  segment.text = std::exchange(segment_, "") + info.stop_reason;
  segment.num_tokens = info.generated_tokens;
  segment.stop = info.stop_reason;
  segment.finish = info.reason == FinishReason::kStop     ? Segment::Finish::kStop
                   : info.reason == FinishReason::kLength ? Segment::Finish::kLength
                                                          : Segment::Finish::kCancelled;
  return segment;
}

void Choice::Act(ToolLoopAction action) {
  switch (action.kind) {
    case ToolLoopAction::Kind::kGenerate:
      return Continue(action);
    case ToolLoopAction::Kind::kExecute:
      return Execute(std::move(action.text));
    case ToolLoopAction::Kind::kFinished:
      return FinishLoop(loop_->finish());
  }
}

void Choice::Continue(const ToolLoopAction& action) {
  state_ = State::kGenerating;
  SamplingParams params = task_.params;
  params.max_tokens = action.max_tokens;
  params.min_tokens = std::max(0, params.min_tokens - result_.generated_tokens);
  params.include_stop_text = false;
  const Status status = engine_.Continue(*id_, tokenizer_.Encode(action.text), params);
  if (!status.ok()) Fail(status);
}

void Choice::Execute(std::string code) {
  state_ = State::kExecuting;
  ExecuteRequest request;
  request.session_id = task_.session_id;
  request.generated_code = std::move(code);
  request.timeout = task_.sandbox->code_timeout;
  request.max_output_characters = task_.sandbox->code_output_chars;
  code_->Execute(std::move(request), [self = shared_from_this()](Result<ExecuteResult> result) {
    self->OnCode(std::move(result));
  });
}

void Choice::OnCode(Result<ExecuteResult> result) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kExecuting) return;  // cancelled meanwhile
  if (!result.ok()) return Fail(result.status());
  const ToolLoopAction action = loop_->OnCodeResult(*result);
  Send(loop_->transcript().segments.back().text);
  Act(action);
}

void Choice::Send(std::string_view text) {
  static const std::vector<TokenLogprob> kNone;
  static const std::vector<int32_t> kNoIds;
  listener_->OnChoiceText(task_.index, {text, kNoIds, kNone, kNone});
}

void Choice::FinishPlain(const FinishInfo& info) {
  result_.stop_text = info.stop_reason;
  result_.finish_reason =
      info.reason == FinishReason::kCancelled ? CancelName(cancel_) : FinishReasonName(info.reason);
  Done();
}

void Choice::FinishLoop(SampleFinish finish) {
  const Transcript& transcript = loop_->transcript();
  result_.inserted_tokens = transcript.inserted_tokens;
  result_.code_calls = transcript.code_calls;
  result_.finish_reason =
      finish == SampleFinish::kCancelled ? CancelName(cancel_) : SampleFinishName(finish);
  if (!task_.sandbox->asked_for && finish != SampleFinish::kCancelled &&
      finish != SampleFinish::kLength && finish != SampleFinish::kError) {
    result_.finish_reason = "stop";
  }
  const bool stopped = finish == SampleFinish::kStop && !result_.stop_text.empty();
  if (stopped && task_.params.include_stop_text) Send(result_.stop_text);
  Done();
}

void Choice::Fail(const Status& error) {
  result_.error = error;
  result_.finish_reason = "error";
  Done();
}

void Choice::Done() {
  state_ = State::kDone;
  if (loop_ && id_) engine_.Release(*id_);
  if (loop_ && code_ != nullptr) code_->CloseSession(task_.session_id);
  if (started_) queue_.Finish(ticket.item.user, result_.prompt_tokens + result_.generated_tokens);
  // Comes last: with the last choice told, engine and queue may go away.
  const auto listener = std::exchange(listener_, nullptr);
  listener->OnChoiceDone(task_.index, result_);
}

}  // namespace qed
