// One request for completions on its way: its choices, its reply (whole or as a
// stream), its end.
#ifndef QED_SERVE_SERVED_REQUEST_H_
#define QED_SERVE_SERVED_REQUEST_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/http_server.h"
#include "serve/api_reply.h"
#include "serve/api_request.h"
#include "serve/choice.h"
#include "serve/serve_metrics.h"
#include "serve/tool_calls.h"

namespace qed {

// What the log line and the metrics say of a request that ended.
struct RequestSummary {
  std::string id;
  std::string user;
  int32_t choices = 0;
  bool stream = false;
  Usage usage;
  std::string finish_reason;       // of the first choice
  double queue_seconds = 0;        // until the first choice started
  double first_text_seconds = -1;  // until the first text; -1: there was none
  double total_seconds = 0;
};

// Thread-safe. Kept alive by its choices until they are done.
class ServedRequest : public ChoiceListener, public std::enable_shared_from_this<ServedRequest> {
 public:
  using OnEnd = std::function<void(const ServedRequest& request, const RequestSummary& summary)>;

  // `on_end` is called once, on an engine or queue thread, after the reply went out.
  ServedRequest(const Tokenizer& tokenizer, ApiRequest request, std::string id, std::string model,
                int64_t created, std::shared_ptr<HttpResponder> responder, ServeMetrics& metrics,
                OnEnd on_end);

  // The choices, one per prompt and n, with the prompts' ids. Called once, before
  // anything runs. `begun`: what the prompt of a chat begins its answer with.
  void SetChoices(std::vector<std::shared_ptr<Choice>> choices,
                  std::vector<std::vector<int32_t>> prompts, const std::string& begun = "");
  const std::vector<std::shared_ptr<Choice>>& choices() const { return choices_; }
  // Where a stream was asked for: sends its head. Before the choices are queued.
  void BeginStream();

  void Cancel(CancelReason reason);
  // Where the choices were not let into the queue: they let go of the request.
  void Abandon();

  const ApiRequest& request() const { return request_; }
  const std::string& id() const { return id_; }

  void OnChoiceStarted(int32_t index) override;
  void OnChoiceText(int32_t index, const ChoiceText& text) override;
  void OnChoiceDone(int32_t index, const ChoiceResult& result) override;

 private:
  // What a choice has given so far.
  struct Part {
    std::string text;
    std::vector<int32_t> token_ids;          // generated, where asked for
    std::vector<ScoredToken> tokens;         // with log-probabilities
    bool told_prompt_ids = false;            // a stream's first chunk has them
    std::unique_ptr<ToolCallReader> reader;  // of chats with functions
    std::vector<ToolCall> calls;
    int64_t text_offset = 0;  // characters of the tokens sent so far
    bool any_text = false;
    Clock::Time first_text{}, last_text{};
    ChoiceResult result;
  };

  void StreamEcho(int32_t index);
  void StreamText(int32_t index, const ChoiceText& text);
  void StreamChunk(int32_t index, std::string_view text, const ChoiceText& source);
  void AddPieces(int32_t index, std::vector<ToolCallPiece> pieces, std::string* text);
  void EndPart(int32_t index, const ChoiceResult& result);
  void Send(const std::string& data);
  void Finish();
  void FinishWhole();
  Status FirstError() const;
  std::string PromptText(int32_t index) const;
  const std::vector<int32_t>& PromptIds(int32_t index) const;
  nlohmann::ordered_json WholeChoice(int32_t index);
  Usage TotalUsage() const;
  void Observe(const Part& part);

  const Tokenizer& tokenizer_;
  const ApiRequest request_;
  const std::string id_;
  const ReplyFormat format_;
  ServeMetrics& metrics_;
  const Clock::Time arrival_;
  std::vector<std::shared_ptr<Choice>> choices_;
  std::vector<std::vector<int32_t>> prompts_;

  std::mutex mutex_;  // guards what follows
  std::shared_ptr<HttpResponder> responder_;
  OnEnd on_end_;
  std::vector<Part> parts_;
  size_t unfinished_ = 0;
  Clock::Time started_{};
  Clock::Time first_text_{};
};

}  // namespace qed

#endif  // QED_SERVE_SERVED_REQUEST_H_
