#include "serve/completion_service.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>
#include <thread>
#include <utility>

#include "base/rng.h"

namespace qed {
namespace {

uint64_t RandomSalt() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

std::string LogLine(const RequestSummary& s) {
  char line[512];
  std::snprintf(line, sizeof(line),
                "%s user=%.64s choices=%d stream=%d prompt=%lld cached=%lld generated=%lld "
                "finish=%s queue=%.3fs first=%.3fs total=%.3fs",
                s.id.c_str(), s.user.empty() ? "-" : s.user.c_str(), s.choices, s.stream ? 1 : 0,
                static_cast<long long>(s.usage.prompt_tokens),
                static_cast<long long>(s.usage.cached_tokens),
                static_cast<long long>(s.usage.completion_tokens), s.finish_reason.c_str(),
                s.queue_seconds, s.first_text_seconds, s.total_seconds);
  // A user's name is the client's: no line ends in a line of ours.
  for (char* c = line; *c != '\0'; ++c) {
    if (static_cast<unsigned char>(*c) < ' ') *c = '?';
  }
  return line;
}

// In the words that clients look for. Without `exact` there may be more tokens.
ApiError TooLong(bool chat, size_t tokens, bool exact, int32_t max_seq_len) {
  return {.status = 400,
          .message = "This model's maximum context length is " + std::to_string(max_seq_len) +
                     " tokens. However, your request has " + std::to_string(tokens) +
                     " input tokens" + (exact ? "" : " or more") +
                     ". Please reduce the length of the input messages.",
          .param = chat ? "messages" : "prompt",
          .code = "context_length_exceeded"};
}

}  // namespace

CompletionService::CompletionService(const ServedModel& model, const ServeConfig& config, Log log)
    : model_(model),
      config_(config),
      log_(std::move(log)),
      queue_(model.max_batch_size, config.max_waiting),
      metrics_(model.engine, queue_),
      salt_(RandomSalt()) {
  defaults_.vocab_size = model_.tokenizer.vocab_size();
  defaults_.params = model_.defaults;
  defaults_.has_sandbox = model_.sandbox != nullptr;
  defaults_.strict_fields = config.strict_fields;
  if (config.tool_loop == "on") {
    defaults_.tool_loop.emplace();
    defaults_.tool_loop->asked_for = false;
  }
  if (model_.sandbox != nullptr) {
    const auto threads = static_cast<int32_t>(std::max(2u, std::thread::hardware_concurrency()));
    code_ = std::make_unique<CodeRunner>(*model_.sandbox, threads);
  }
}

CompletionService::~CompletionService() {
  StopAdmitting();
  CancelAll(CancelReason::kShutdown);
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return active_.empty(); });
}

std::optional<ApiError> CompletionService::CheckModel(const std::string& name) const {
  const bool known = name.empty() || name == model_.name ||
                     std::ranges::find(model_.aliases, name) != model_.aliases.end();
  if (known) return std::nullopt;
  return ApiError{.status = 404,
                  .message = "there is no such model here; there is " + model_.name,
                  .param = "model",
                  .code = "model_not_found"};
}

std::optional<ApiError> CompletionService::CheckLength(bool chat, size_t tokens, bool exact) const {
  const int32_t room = model_.engine.max_seq_len();
  if (std::cmp_less(tokens, room)) return std::nullopt;
  return TooLong(chat, tokens, exact, room);
}

// Where a function must be called, the model finds its call begun.
std::string CompletionService::BeginAnswer(const ApiRequest& request) const {
  if (request.tool_choice != ToolChoice::kRequired) return "";
  return BeginCall(ToolCallFormOf(model_.tokenizer.chat_template()), request.required_function);
}

std::optional<ApiError> CompletionService::EncodeChat(const ChatInput& input,
                                                      const std::string& begun, bool any_length,
                                                      std::vector<int32_t>* ids) const {
  if (model_.chat_template == nullptr) {
    return FieldError("messages", model_.no_chat_template + "; use /v1/completions");
  }
  Result<std::string> text = model_.chat_template->Render(input, LocalTime());
  if (!text.ok()) return FieldError("messages", text.status().message());
  *text += begun;
  if (!any_length) {
    if (auto error = CheckLength(true, model_.tokenizer.FewestTokens(*text), false)) {
      return error;
    }
  }
  // The template writes out the tokens at the beginning itself.
  *ids = model_.tokenizer.Encode(*text);
  return std::nullopt;
}

std::optional<ApiError> CompletionService::Encode(
    const ApiRequest& request, const std::string& begun,
    std::vector<std::vector<int32_t>>* prompts) const {
  if (request.chat) {
    prompts->emplace_back();
    if (auto error = EncodeChat(request.messages, begun, false, &prompts->back())) return error;
  }
  for (const PromptInput& prompt : request.prompts) {
    const auto* text = std::get_if<std::string>(&prompt);
    if (text == nullptr) {
      prompts->push_back(std::get<std::vector<int32_t>>(prompt));
      continue;
    }
    if (auto error = CheckLength(false, model_.tokenizer.FewestTokens(*text), false)) return error;
    prompts->push_back(EncodePrompt(model_.tokenizer, *text));
  }
  for (const std::vector<int32_t>& ids : *prompts) {
    if (ids.empty()) return FieldError(request.chat ? "messages" : "prompt", "must not be empty");
    if (auto error = CheckLength(request.chat, ids.size(), true)) return error;
  }
  return std::nullopt;
}

void CompletionService::Handle(bool chat, const std::string& body,
                               std::shared_ptr<HttpResponder> responder) {
  const auto refuse = [&](const ApiError& error) { responder->Respond(ErrorResponse(error)); };
  if (!admitting_) return refuse(PlainError(503, "the server is shutting down"));
  ApiRequest request;
  const auto parse = chat ? ParseChatRequest : ParseCompletionRequest;
  if (const auto error = parse(body, defaults_, &request)) return refuse(*error);
  if (const auto error = CheckModel(request.model)) return refuse(*error);
  std::vector<std::vector<int32_t>> prompts;
  const std::string begun = BeginAnswer(request);
  // The one call that was asked for ends the answer.
  if (!request.required_function.empty()) request.params.stop.emplace_back("</tool_call>");
  if (const auto error = Encode(request, begun, &prompts)) return refuse(*error);

  const std::string id = NewId(chat);
  if (!request.has_seed) request.params.seed = Philox4x32(salt_, 1, last_id_)[0];
  const auto served = std::make_shared<ServedRequest>(
      model_.tokenizer, std::move(request), id, model_.name, std::time(nullptr), responder,
      metrics_,
      [this](const ServedRequest& ended, const RequestSummary& summary) { OnEnd(ended, summary); });
  auto choices = MakeChoices(served, prompts);
  served->SetChoices(std::move(choices), std::move(prompts), begun);
  Admit(served, responder);
}

std::vector<std::shared_ptr<Choice>> CompletionService::MakeChoices(
    const std::shared_ptr<ServedRequest>& served,
    const std::vector<std::vector<int32_t>>& prompts) {
  const ApiRequest& request = served->request();
  std::vector<std::shared_ptr<Choice>> choices;
  for (const std::vector<int32_t>& prompt : prompts) {
    for (int32_t sample = 0; sample < request.n; ++sample) {
      ChoiceTask task;
      task.index = static_cast<int32_t>(choices.size());
      task.prompt = prompt;
      task.generated = request.generated_ranges;
      task.params = request.params;
      task.params.sample_index = static_cast<uint64_t>(sample);
      const int32_t room = model_.engine.max_seq_len() - static_cast<int32_t>(prompt.size());
      task.params.max_tokens =
          request.has_max_tokens ? std::min(request.params.max_tokens, room) : room;
      task.skip_special_tokens = request.skip_special_tokens;
      task.score_prompt = request.echo && request.wants_logprobs();
      task.sandbox = request.sandbox;
      task.session_id = served->id() + "-" + std::to_string(task.index);
      choices.push_back(std::make_shared<Choice>(model_.engine, model_.tokenizer, queue_,
                                                 code_.get(), std::move(task), served));
    }
  }
  return choices;
}

HttpResponse CompletionService::TooMany() {
  metrics_.rejected.Add();
  return QueueFullResponse(queue_.RetryAfter());
}

void CompletionService::Admit(const std::shared_ptr<ServedRequest>& served,
                              const std::shared_ptr<HttpResponder>& responder) {
  const ApiRequest& request = served->request();
  std::vector<RequestQueue::Ticket*> tickets;
  for (const auto& choice : served->choices()) {
    choice->ticket.item.priority = request.priority;
    choice->ticket.item.user = request.user;
    choice->ticket.start = [choice] { choice->Start(); };
    tickets.push_back(&choice->ticket);
  }
  // A stream's head goes out before the first choice can start; where the queue
  // turns out to be full, there is no stream yet.
  const bool admitted = queue_.Push(tickets, [&] {
    served->BeginStream();
    const std::lock_guard lock(mutex_);
    active_.emplace(served.get(), Active{served, std::nullopt});
  });
  if (admitted) return Watch(served, *responder);
  served->Abandon();
  responder->Respond(TooMany());
}

// Sees to it that the request ends with its client or its time.
void CompletionService::Watch(const std::shared_ptr<ServedRequest>& served,
                              HttpResponder& responder) {
  const std::weak_ptr<ServedRequest> weak = served;
  responder.OnDisconnect([weak] {
    if (const auto request = weak.lock()) request->Cancel(CancelReason::kDisconnected);
  });
  const double asked = served->request().timeout;
  const double timeout = asked > 0 ? asked : config_.request_timeout;
  if (timeout > 0) {
    const std::lock_guard lock(mutex_);
    const auto entry = active_.find(served.get());
    if (entry == active_.end()) return;  // it has ended already
    entry->second.deadline = timer_.Add(Clock::Real().Now() + ToDuration(timeout), [weak] {
      if (const auto request = weak.lock()) request->Cancel(CancelReason::kTimeout);
    });
  }
  // It may have come in while all were being cancelled.
  if (!admitting_ && cancelling_) served->Cancel(CancelReason::kShutdown);
}

void CompletionService::OnEnd(const ServedRequest& request, const RequestSummary& summary) {
  log_(LogLine(summary));
  const std::lock_guard lock(mutex_);
  const auto entry = active_.find(&request);
  if (entry->second.deadline) timer_.Remove(*entry->second.deadline);
  active_.erase(entry);
  idle_.notify_all();
}

bool CompletionService::WaitIdle(double seconds) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, ToDuration(seconds), [&] { return active_.empty(); });
}

void CompletionService::CancelAll(CancelReason reason) {
  cancelling_ = true;
  std::vector<std::shared_ptr<ServedRequest>> requests;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, active] : active_) {
      if (auto request = active.request.lock()) requests.push_back(std::move(request));
    }
  }
  for (const auto& request : requests) request->Cancel(reason);
}

int32_t CompletionService::active() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int32_t>(active_.size());
}

std::string CompletionService::NewId(bool chat) {
  char id[48];
  const auto words = Philox4x32(salt_, 0, ++last_id_);
  std::snprintf(id, sizeof(id), "%s-%08x%08x%08x", chat ? "chatcmpl" : "cmpl", words[0], words[1],
                words[2]);
  return id;
}

}  // namespace qed
