#include "engine/engine.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>

#include "draft/combined_drafter.h"
#include "draft/suffix_drafter.h"
#include "engine/cpu_step_runner.h"
#include "engine/engine_core.h"
#include "engine/step_cost.h"

namespace qed {
namespace {

// What another thread asked for, on its way to the step thread.
struct Command {
  enum class Kind { kSubmit, kContinue, kRelease, kCancel };
  Kind kind;
  RequestId id;
  std::unique_ptr<Sequence> sequence;  // kSubmit
  std::unique_ptr<Stretch> stretch;    // kContinue
};

Status CheckGenerated(const Request& request) {
  int64_t last_end = 0;
  for (const TokenRange& range : request.generated) {
    if (range.begin < last_end || range.end <= range.begin ||
        std::cmp_greater(range.end, request.prompt.size())) {
      return InvalidArgument("the generated ranges must ascend within the prompt");
    }
    last_end = range.end;
  }
  return OkStatus();
}

// Brings `text` to where the last generated range left it, if the prompt ends so.
Status ResumeText(const Request& request, OutputText& text) {
  if (request.generated.empty()) return OkStatus();
  const TokenRange& last = request.generated.back();
  if (std::cmp_less(last.end, request.prompt.size())) return OkStatus();
  std::string known;
  for (int32_t i = last.begin; i < last.end; ++i) {
    if (text.Push(request.prompt[static_cast<size_t>(i)], /*may_match=*/true, known)) {
      return InvalidArgument("the last generated range has a stop string in it already");
    }
  }
  return OkStatus();
}

// The drafters that `draft` and a head that somebody loaded, or null, make together; null:
// no drafts. Suffixes alone are nobody's default: on a CPU they gain little and cost a little.
Result<std::unique_ptr<Drafter>> MakeDrafter(const std::string& draft,
                                             std::unique_ptr<Drafter> head) {
  if (draft != "none" && draft != "suffix" && draft != "auto") {
    return InvalidArgument("--draft is " + draft + "; it must be none, suffix or auto");
  }
  if (draft == "none" || (draft == "auto" && head == nullptr)) return head;
  std::unique_ptr<Drafter> free = std::make_unique<SuffixDrafter>();
  if (head == nullptr) return free;
  return std::unique_ptr<Drafter>(
      std::make_unique<CombinedDrafter>(std::move(free), std::move(head)));
}

class ThreadedEngine : public Engine {
 public:
  ThreadedEngine(std::unique_ptr<StepRunner> runner, const Tokenizer& tokenizer,
                 const EngineLimits& limits, bool prefix_cache, std::unique_ptr<Drafting> drafting)
      : tokenizer_(tokenizer),
        limits_(limits),
        runner_(std::move(runner)),
        core_(*runner_, limits, prefix_cache, std::move(drafting)) {
    stats_ = core_.Stats();
    thread_ = std::thread([this] { Run(); });
  }

  ~ThreadedEngine() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  Result<RequestId> Submit(Request request) override;
  Status Continue(RequestId id, std::vector<int32_t> tokens, const SamplingParams& params) override;
  void Release(RequestId id) override;
  void Cancel(RequestId id) override;

  EngineStats Stats() const override {
    std::lock_guard lock(mutex_);
    return stats_;
  }
  std::vector<StepRecord> Trace() const override {
    std::lock_guard lock(mutex_);
    return trace_.Records();
  }
  int32_t max_seq_len() const override { return limits_.max_seq_len; }

 private:
  // What Continue must know at once of a sequence that belongs to the step thread.
  struct Entry {
    bool keep = false;
    bool running = true;
    bool skip_special_tokens = false;
    int64_t length = 0;  // tokens, when not running
  };

  Status CheckStretch(const std::vector<int32_t>& tokens, int64_t before,
                      const SamplingParams& params) const;
  void Run();
  void Apply(Command& command);
  void RecordStep();

  const Tokenizer& tokenizer_;
  const EngineLimits limits_;
  const std::unique_ptr<StepRunner> runner_;  // with core_, of the step thread
  EngineCore core_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::vector<Command> inbox_;
  std::unordered_map<RequestId, Entry> entries_;
  RequestId last_id_ = 0;
  bool stopping_ = false;
  EngineStats stats_;
  StepTrace trace_;

  std::thread thread_;
};

Status ThreadedEngine::CheckStretch(const std::vector<int32_t>& tokens, int64_t before,
                                    const SamplingParams& params) const {
  QED_RETURN_IF_ERROR(ValidateSamplingParams(params, limits_.vocab_size));
  for (int32_t id : tokens) {
    if (id < 0 || id >= limits_.vocab_size) {
      return InvalidArgument("token id " + std::to_string(id) + " is not in the vocabulary of " +
                             std::to_string(limits_.vocab_size));
    }
  }
  const int64_t length = before + static_cast<int64_t>(tokens.size());
  if (length == 0) return InvalidArgument("the prompt is empty");
  if (length >= limits_.max_seq_len) {
    return InvalidArgument("the prompt has " + std::to_string(length) + " tokens; a context of " +
                           std::to_string(limits_.max_seq_len) + " leaves no room for an answer");
  }
  return OkStatus();
}

Result<RequestId> ThreadedEngine::Submit(Request request) {
  if (request.sink == nullptr) return InvalidArgument("a request needs a sink");
  QED_RETURN_IF_ERROR(CheckStretch(request.prompt, 0, request.params));
  const auto prompt_tokens = static_cast<int32_t>(request.prompt.size());
  if (prompt_tokens > limits_.max_input_len) {
    return InvalidArgument("the prompt has " + std::to_string(prompt_tokens) +
                           " tokens; --max-input-len is " + std::to_string(limits_.max_input_len));
  }
  OutputText text(tokenizer_, request.skip_special_tokens, request.params);
  QED_RETURN_IF_ERROR(CheckGenerated(request));
  QED_RETURN_IF_ERROR(ResumeText(request, text));
  Stretch stretch{std::move(request.prompt), std::move(request.params), std::move(text)};
  std::lock_guard lock(mutex_);
  if (stopping_) return Unavailable("the engine is shutting down");
  const RequestId id = ++last_id_;
  auto sequence = std::make_unique<Sequence>(id, std::move(stretch));
  sequence->sink = std::move(request.sink);
  sequence->keep = request.keep;
  if (request.score_prompt) sequence->to_score = prompt_tokens;
  sequence->generated.resize(static_cast<size_t>(prompt_tokens), false);
  for (const TokenRange& range : request.generated) {
    std::fill(sequence->generated.begin() + range.begin, sequence->generated.begin() + range.end,
              true);
    sequence->position += static_cast<uint64_t>(range.end - range.begin);
  }
  entries_[id] = {.keep = request.keep, .skip_special_tokens = request.skip_special_tokens};
  inbox_.push_back({Command::Kind::kSubmit, id, std::move(sequence), nullptr});
  wake_.notify_one();
  return id;
}

Status ThreadedEngine::Continue(RequestId id, std::vector<int32_t> tokens,
                                const SamplingParams& params) {
  std::lock_guard lock(mutex_);
  const auto it = entries_.find(id);
  if (stopping_) return Unavailable("the engine is shutting down");
  if (it == entries_.end() || !it->second.keep) {
    return NotFound("request " + std::to_string(id) + " is not kept");
  }
  Entry& entry = it->second;
  if (entry.running) return InvalidArgument("request " + std::to_string(id) + " is still running");
  QED_RETURN_IF_ERROR(CheckStretch(tokens, entry.length, params));
  auto stretch = std::make_unique<Stretch>(Stretch{
      std::move(tokens), params, OutputText(tokenizer_, entry.skip_special_tokens, params)});
  entry.running = true;
  inbox_.push_back({Command::Kind::kContinue, id, nullptr, std::move(stretch)});
  wake_.notify_one();
  return OkStatus();
}

void ThreadedEngine::Release(RequestId id) {
  std::lock_guard lock(mutex_);
  if (entries_.erase(id) == 0) return;
  inbox_.push_back({Command::Kind::kRelease, id, nullptr, nullptr});
  wake_.notify_one();
}

void ThreadedEngine::Cancel(RequestId id) {
  std::lock_guard lock(mutex_);
  if (!entries_.contains(id)) return;
  inbox_.push_back({Command::Kind::kCancel, id, nullptr, nullptr});
  wake_.notify_one();
}

void ThreadedEngine::Run() {
  std::vector<Command> commands;
  for (bool stop = false; !stop;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !inbox_.empty() || core_.HasWork(); });
      commands.swap(inbox_);
      stop = stopping_;
    }
    for (Command& command : commands) Apply(command);
    commands.clear();
    if (stop) {
      core_.CancelAll();
    } else if (core_.HasWork()) {
      core_.Step();
    }
    RecordStep();
    core_.Deliver();
  }
}

void ThreadedEngine::Apply(Command& command) {
  switch (command.kind) {
    case Command::Kind::kSubmit:
      return core_.Submit(std::move(command.sequence));
    case Command::Kind::kContinue:
      return core_.Continue(command.id, std::move(*command.stretch));
    case Command::Kind::kRelease:
      return core_.Release(command.id);
    case Command::Kind::kCancel:
      return core_.Cancel(command.id);
  }
}

// Lets other threads know what the step did, before the sinks do: a sink may
// call Continue from OnDone.
void ThreadedEngine::RecordStep() {
  std::lock_guard lock(mutex_);
  stats_ = core_.Stats();
  if (core_.last_record()) trace_.Add(*core_.last_record());
  for (const Sequence* sequence : core_.deliveries()) {
    const auto it = entries_.find(sequence->id);
    if (!sequence->done || it == entries_.end()) continue;
    if (sequence->keep) {
      it->second.running = false;
      it->second.length = static_cast<int64_t>(sequence->tokens.size());
    } else {
      entries_.erase(it);
    }
  }
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Create(std::unique_ptr<StepRunner> runner,
                                               const Tokenizer& tokenizer,
                                               const EngineConfig& config,
                                               std::unique_ptr<Drafter> drafter) {
  QED_ASSIGN_OR_RETURN(const EngineLimits limits, MakeEngineLimits(*runner, config));
  if (tokenizer.vocab_size() > limits.vocab_size) {
    return InvalidArgument("the tokenizer has " + std::to_string(tokenizer.vocab_size()) +
                           " tokens and the model " + std::to_string(limits.vocab_size) +
                           ": they do not belong together");
  }
  QED_ASSIGN_OR_RETURN(drafter, MakeDrafter(config.draft, std::move(drafter)));
  std::unique_ptr<Drafting> drafting;
  if (drafter != nullptr) {
    const bool on_cpu = runner->depth() == 1;
    QED_ASSIGN_OR_RETURN(StepCost cost, MeasureStepCost(*runner, limits.max_logit_rows, on_cpu));
    drafting = std::make_unique<Drafting>(std::move(drafter), std::move(cost),
                                          DraftingOptions{.max_drafts = config.max_drafts,
                                                          .max_rows = limits.max_logit_rows,
                                                          .on_cpu = on_cpu,
                                                          .quiet = config.draft == "auto"});
  }
  return std::unique_ptr<Engine>(new ThreadedEngine(std::move(runner), tokenizer, limits,
                                                    config.prefix_cache, std::move(drafting)));
}

Result<std::unique_ptr<Engine>> Engine::Create(LanguageModel& model, const Tokenizer& tokenizer,
                                               const EngineConfig& config, ThreadPool& pool) {
  return Create(std::make_unique<CpuStepRunner>(model, pool), tokenizer, config);
}

}  // namespace qed
