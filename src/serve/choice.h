// One completion of a request: from the queue through the engine, and with the
// sandbox round by round through programs and their outputs.
#ifndef QED_SERVE_CHOICE_H_
#define QED_SERVE_CHOICE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/engine.h"
#include "sandbox/client.h"
#include "serve/api_request.h"
#include "serve/request_queue.h"
#include "solve/code_runner.h"
#include "solve/tool_loop.h"
#include "text/tokenizer.h"

namespace qed {

// Why a completion was ended before its time.
enum class CancelReason { kNone, kTimeout, kDisconnected, kShutdown };

struct ChoiceResult {
  std::string finish_reason;   // "stop", "length", "timeout", "cancelled", "code_limit", ...
  std::string stop_text;       // the stop string that matched; empty: none
  int32_t stop_token_id = -1;  // of the request's own stop ids; -1: none
  int32_t prompt_tokens = 0;
  int32_t cached_tokens = 0;
  int32_t generated_tokens = 0;
  int32_t inserted_tokens = 0;  // code outputs
  std::vector<CodeCall> code_calls;
  Status error;  // not OK: the completion failed
};

// Text that came: of the model, or of a program's output.
struct ChoiceText {
  std::string_view text;
  const std::vector<int32_t>& token_ids;             // empty for a program's output
  const std::vector<TokenLogprob>& logprobs;         // empty where not asked for
  const std::vector<TokenLogprob>& prompt_logprobs;  // with echo
};

// Called by one thread at a time for one choice; must return quickly and not call
// the choice.
class ChoiceListener {
 public:
  virtual ~ChoiceListener() = default;
  virtual void OnChoiceStarted(int32_t index) = 0;
  virtual void OnChoiceText(int32_t index, const ChoiceText& text) = 0;
  // Once, the last call.
  virtual void OnChoiceDone(int32_t index, const ChoiceResult& result) = 0;
};

struct ChoiceTask {
  int32_t index = 0;
  std::vector<int32_t> prompt;
  std::vector<TokenRange> generated;  // of the prompt
  SamplingParams params;
  bool skip_special_tokens = true;
  bool score_prompt = false;
  std::optional<SandboxTool> sandbox;
  std::string session_id;  // of the sandbox
};

// Thread-safe.
class Choice : public OutputSink, public std::enable_shared_from_this<Choice> {
 public:
  // `code` may be null without a sandbox. All must outlive the choice; the
  // listener is let go after OnChoiceDone.
  Choice(Engine& engine, const Tokenizer& tokenizer, RequestQueue& queue, CodeRunner* code,
         ChoiceTask task, std::shared_ptr<ChoiceListener> listener);

  // For the queue, which calls it once; Cancel may have come before.
  void Start();
  // Ends the completion within one step of the engine, or at once where it waits
  // or a program runs. OnChoiceDone comes. Later calls do nothing.
  void Cancel(CancelReason reason);
  // It will never be started: lets go of the listener without a call.
  void Abandon();

  // Set by whoever puts the choice into the queue.
  RequestQueue::Ticket ticket;

  void OnTokens(RequestId id, const TokenChunk& chunk) override;
  void OnDone(RequestId id, const FinishInfo& info) override;

 private:
  enum class State { kWaiting, kGenerating, kExecuting, kDone };

  void MakeLoop();
  void Submit();
  void Act(ToolLoopAction action);
  void Continue(const ToolLoopAction& action);
  void Execute(std::string code);
  void OnCode(Result<ExecuteResult> result);
  void Send(std::string_view text);
  Segment TakeSegment(const FinishInfo& info);
  void AddCounts(const FinishInfo& info);
  void FinishPlain(const FinishInfo& info);
  void FinishLoop(SampleFinish finish);
  void Fail(const Status& error);
  void Done();

  Engine& engine_;
  const Tokenizer& tokenizer_;
  RequestQueue& queue_;
  CodeRunner* const code_;
  ChoiceTask task_;

  std::mutex mutex_;  // guards what follows
  std::shared_ptr<ChoiceListener> listener_;
  State state_ = State::kWaiting;
  bool started_ = false;
  CancelReason cancel_ = CancelReason::kNone;
  std::optional<RequestId> id_;
  ChoiceResult result_;
  ToolLoopConfig loop_config_;
  std::unique_ptr<ToolLoop> loop_;  // with the sandbox
  std::string segment_;             // of the running stretch
};

}  // namespace qed

#endif  // QED_SERVE_CHOICE_H_
