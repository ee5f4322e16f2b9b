#include "serve/served_request.h"

#include <algorithm>
#include <utility>

#include "net/sse.h"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> FunctionNames(const Json& tools) {
  std::vector<std::string> names;
  for (const Json& tool : tools) names.push_back(tool["function"]["name"].get<std::string>());
  return names;
}

ScoredToken Unscored(int32_t id) {
  ScoredToken token;
  token.logprob.token_id = id;
  token.has_logprob = false;
  return token;
}

}  // namespace

ServedRequest::ServedRequest(const Tokenizer& tokenizer, ApiRequest request, std::string id,
                             std::string model, int64_t created,
                             std::shared_ptr<HttpResponder> responder, ServeMetrics& metrics,
                             OnEnd on_end)
    : tokenizer_(tokenizer),
      request_(std::move(request)),
      id_(id),
      format_(tokenizer, request_.chat, std::move(id), std::move(model), created),
      metrics_(metrics),
      arrival_(Clock::Real().Now()),
      responder_(std::move(responder)),
      on_end_(std::move(on_end)) {}

void ServedRequest::SetChoices(std::vector<std::shared_ptr<Choice>> choices,
                               std::vector<std::vector<int32_t>> prompts,
                               const std::string& begun) {
  choices_ = std::move(choices);
  prompts_ = std::move(prompts);
  parts_.resize(choices_.size());
  unfinished_ = choices_.size();
  if (request_.tool_choice == ToolChoice::kNone) return;
  ToolCallOptions options{.functions = FunctionNames(request_.messages.tools),
                          .parallel = request_.parallel_tool_calls,
                          .begun = begun,
                          .required = request_.required_function};
  for (Part& part : parts_) part.reader = std::make_unique<ToolCallReader>(options);
}

void ServedRequest::BeginStream() {
  const std::lock_guard lock(mutex_);
  if (!request_.stream) return;
  responder_->BeginStream(200,
                          {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-cache"}});
}

void ServedRequest::Cancel(CancelReason reason) {
  // Without the lock: choices call back.
  for (const auto& choice : choices_) choice->Cancel(reason);
}

void ServedRequest::Abandon() {
  for (const auto& choice : choices_) choice->Abandon();
}

void ServedRequest::OnChoiceStarted(int32_t index) {
  const std::lock_guard lock(mutex_);
  const Clock::Time now = Clock::Real().Now();
  if (started_ == Clock::Time{}) started_ = now;
  metrics_.queue_time.Observe(Seconds(now - arrival_));
  if (!request_.stream) return;
  if (request_.chat) Send(format_.FirstChunk(index, request_.include_usage));
  if (request_.echo) StreamEcho(index);
}

void ServedRequest::StreamEcho(int32_t index) {
  Send(format_.TextChunk(index, PromptText(index), nullptr, {}, request_.include_usage));
}

const std::vector<int32_t>& ServedRequest::PromptIds(int32_t index) const {
  return prompts_[static_cast<size_t>(index) / static_cast<size_t>(request_.n)];
}

std::string ServedRequest::PromptText(int32_t index) const {
  const size_t prompt = static_cast<size_t>(index) / static_cast<size_t>(request_.n);
  const auto* text = std::get_if<std::string>(&request_.prompts[prompt]);
  return text != nullptr ? *text : tokenizer_.Decode(prompts_[prompt]);
}

void ServedRequest::OnChoiceText(int32_t index, const ChoiceText& text) {
  const std::lock_guard lock(mutex_);
  Part& part = parts_[static_cast<size_t>(index)];
  const Clock::Time now = Clock::Real().Now();
  if (!part.any_text && (text.prompt_logprobs.empty() || !text.text.empty())) {
    part.any_text = true;
    part.first_text = now;
    if (first_text_ == Clock::Time{}) first_text_ = now;
  }
  part.last_text = now;
  if (request_.stream) return StreamText(index, text);
  if (part.reader) {
    AddPieces(index, part.reader->Push(text.text), &part.text);
  } else {
    part.text += text.text;
  }
  if (request_.return_token_ids) {
    part.token_ids.insert(part.token_ids.end(), text.token_ids.begin(), text.token_ids.end());
  }
  if (request_.echo) {
    for (const TokenLogprob& token : text.prompt_logprobs) part.tokens.push_back({token, true});
  }
  if (request_.no_tokens) return;
  for (const TokenLogprob& token : text.logprobs) part.tokens.push_back({token, true});
}

// What the reader of calls found: texts are added to `text`, calls to the choice's. In a
// stream everything is sent.
void ServedRequest::AddPieces(int32_t index, std::vector<ToolCallPiece> pieces, std::string* text) {
  std::vector<ToolCall>& calls = parts_[static_cast<size_t>(index)].calls;
  const bool usage = request_.include_usage;
  for (ToolCallPiece& piece : pieces) {
    if (!piece.call) {
      *text += piece.text;
      if (request_.stream) Send(format_.TextChunk(index, piece.text, nullptr, {}, usage));
      continue;
    }
    if (request_.stream) {
      const auto number = static_cast<int32_t>(calls.size());
      Send(format_.ToolCallChunk(index, number, *piece.call, usage));
    }
    calls.push_back(*std::move(piece.call));
  }
}

void ServedRequest::StreamText(int32_t index, const ChoiceText& text) {
  if (request_.no_tokens) return;
  Part& part = parts_[static_cast<size_t>(index)];
  if (part.reader) {
    std::string sent;
    AddPieces(index, part.reader->Push(text.text), &sent);
    // Log-probabilities come with the tokens, whatever the tokens turn out to be.
    if (!text.logprobs.empty()) StreamChunk(index, "", text);
    return;
  }
  const bool with_ids = request_.return_token_ids && !text.token_ids.empty();
  if (text.text.empty() && text.logprobs.empty() && !with_ids) return;
  StreamChunk(index, text.text, text);
}

void ServedRequest::StreamChunk(int32_t index, std::string_view shown, const ChoiceText& text) {
  Part& part = parts_[static_cast<size_t>(index)];
  Json logprobs;
  if (!text.logprobs.empty()) {
    std::vector<ScoredToken> tokens;
    for (const TokenLogprob& token : text.logprobs) tokens.push_back({token, true});
    logprobs = format_.Logprobs(tokens, &part.text_offset);
  }
  TokenIds ids;
  if (request_.return_token_ids) {
    ids.generated = &text.token_ids;
    if (!std::exchange(part.told_prompt_ids, true)) ids.prompt = &PromptIds(index);
  }
  Send(format_.TextChunk(index, shown, std::move(logprobs), ids, request_.include_usage));
}

void ServedRequest::Send(const std::string& data) {
  if (responder_) responder_->Write(FormatSse(data));
}

void ServedRequest::OnChoiceDone(int32_t index, const ChoiceResult& result) {
  OnEnd on_end;
  {
    const std::lock_guard lock(mutex_);
    EndPart(index, result);
    if (--unfinished_ > 0) return;
    Finish();
    on_end = std::move(on_end_);
  }
  RequestSummary summary;
  summary.id = id_;
  summary.user = request_.user;
  summary.choices = static_cast<int32_t>(parts_.size());
  summary.stream = request_.stream;
  summary.usage = TotalUsage();
  summary.finish_reason = parts_[0].result.finish_reason;
  if (started_ != Clock::Time{}) summary.queue_seconds = Seconds(started_ - arrival_);
  if (first_text_ != Clock::Time{}) summary.first_text_seconds = Seconds(first_text_ - arrival_);
  summary.total_seconds = Seconds(Clock::Real().Now() - arrival_);
  on_end(*this, summary);
}

void ServedRequest::EndPart(int32_t index, const ChoiceResult& result) {
  Part& part = parts_[static_cast<size_t>(index)];
  part.result = result;
  if (request_.no_tokens && part.result.error.ok()) {
    part.text.clear();
    part.token_ids.clear();
    part.result.generated_tokens = 0;
    part.result.finish_reason = "length";
  }
  if (part.reader) {
    AddPieces(index, part.reader->Finish(), &part.text);
    const bool ended = part.result.finish_reason == "stop";
    if (ended && !part.calls.empty()) part.result.finish_reason = "tool_calls";
  }
  Observe(part);
  if (!request_.stream) return;
  if (result.error.ok()) {
    Send(format_.LastChunk(index, part.result, request_.include_usage));
  } else {
    Send(ErrorBody(PlainError(500, result.error.message())));
  }
}

void ServedRequest::Observe(const Part& part) {
  const ChoiceResult& result = part.result;
  metrics_.CountFinish(result.finish_reason);
  metrics_.prompt_tokens_of_request.Observe(result.prompt_tokens);
  metrics_.generation_tokens_of_request.Observe(result.generated_tokens);
  metrics_.e2e_time.Observe(Seconds(Clock::Real().Now() - arrival_));
  if (!part.any_text) return;
  metrics_.time_to_first_token.Observe(Seconds(part.first_text - arrival_));
  if (result.generated_tokens > 1) {
    metrics_.time_per_output_token.Observe(Seconds(part.last_text - part.first_text) /
                                           (result.generated_tokens - 1));
  }
}

void ServedRequest::Finish() {
  if (request_.stream) {
    if (request_.include_usage) Send(format_.UsageChunk(TotalUsage()));
    Send("[DONE]");
    responder_->End();
  } else {
    FinishWhole();
  }
  responder_.reset();
}

Status ServedRequest::FirstError() const {
  for (const Part& part : parts_) {
    if (!part.result.error.ok()) return part.result.error;
  }
  return OkStatus();
}

void ServedRequest::FinishWhole() {
  const Status error = FirstError();
  if (!error.ok()) {
    const bool clients = error.code() == StatusCode::kInvalidArgument;
    return responder_->Respond(ErrorResponse(PlainError(clients ? 400 : 500, error.message())));
  }
  std::vector<Json> choices;
  for (size_t i = 0; i < parts_.size(); ++i)
    choices.push_back(WholeChoice(static_cast<int32_t>(i)));
  responder_->Respond(JsonResponse(200, format_.Whole(choices, TotalUsage())));
}

Json ServedRequest::WholeChoice(int32_t index) {
  Part& part = parts_[static_cast<size_t>(index)];
  Json logprobs;
  if (request_.wants_logprobs()) {
    if (request_.echo) {
      const size_t prompt = static_cast<size_t>(index) / static_cast<size_t>(request_.n);
      part.tokens.insert(part.tokens.begin(), Unscored(prompts_[prompt].front()));
    }
    logprobs = format_.Logprobs(part.tokens, &part.text_offset);
  }
  const std::string text = request_.echo ? PromptText(index) + part.text : part.text;
  TokenIds ids;
  if (request_.return_token_ids) ids = {&PromptIds(index), &part.token_ids};
  return format_.Choice(index, text, std::move(logprobs), ids, part.result, part.calls);
}

// A prompt counts once, however many completions it has.
Usage ServedRequest::TotalUsage() const {
  Usage usage;
  for (size_t i = 0; i < parts_.size(); ++i) {
    const ChoiceResult& result = parts_[i].result;
    if (i % static_cast<size_t>(request_.n) == 0) {
      usage.prompt_tokens += result.prompt_tokens;
      usage.cached_tokens += result.cached_tokens;
    }
    usage.completion_tokens += result.generated_tokens;
    usage.inserted_tokens += result.inserted_tokens;
  }
  return usage;
}

}  // namespace qed
