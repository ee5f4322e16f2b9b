// From a request's body to its completions: reads it, makes the prompts' ids, lets
// it in or refuses it, sees to its deadline and its end.
#ifndef QED_SERVE_COMPLETION_SERVICE_H_
#define QED_SERVE_COMPLETION_SERVICE_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/serve_config.h"
#include "net/http_server.h"
#include "serve/deadline_timer.h"
#include "serve/request_queue.h"
#include "serve/serve_metrics.h"
#include "serve/served_model.h"
#include "serve/served_request.h"
#include "solve/code_runner.h"

namespace qed {

// Thread-safe.
class CompletionService {
 public:
  using Log = std::function<void(const std::string& line)>;

  CompletionService(const ServedModel& model, const ServeConfig& config, Log log);
  // Cancels what runs and waits for its end.
  ~CompletionService();
  CompletionService(const CompletionService&) = delete;
  CompletionService& operator=(const CompletionService&) = delete;

  // Answers on `responder`, soon or later. Takes as long as it takes to tokenize, which
  // is bounded by the context: longer prompts are refused by their size.
  void Handle(bool chat, const std::string& body, std::shared_ptr<HttpResponder> responder);

  // The ids of a chat's prompt, the answer begun with `begun`. Without `any_length`, one
  // that leaves no room in the context is an error.
  std::optional<ApiError> EncodeChat(const ChatInput& input, const std::string& begun,
                                     bool any_length, std::vector<int32_t>* ids) const;
  // 404 where a request names another model.
  std::optional<ApiError> CheckModel(const std::string& name) const;

  // From now on requests are refused with 503.
  void StopAdmitting() { admitting_ = false; }
  // Waits until no request is left; false: there still was one after `seconds`.
  bool WaitIdle(double seconds);
  void CancelAll(CancelReason reason);
  int32_t active() const;
  // Completions that have not come to the engine yet.
  int32_t waiting() const { return queue_.waiting(); }
  ServeMetrics& metrics() { return metrics_; }
  // 429, counted.
  HttpResponse TooMany();

 private:
  std::optional<ApiError> Encode(const ApiRequest& request, const std::string& begun,
                                 std::vector<std::vector<int32_t>>* prompts) const;
  std::optional<ApiError> CheckLength(bool chat, size_t tokens, bool exact) const;
  std::string BeginAnswer(const ApiRequest& request) const;
  std::vector<std::shared_ptr<Choice>> MakeChoices(
      const std::shared_ptr<ServedRequest>& request,
      const std::vector<std::vector<int32_t>>& prompts);
  void Admit(const std::shared_ptr<ServedRequest>& request,
             const std::shared_ptr<HttpResponder>& responder);
  void Watch(const std::shared_ptr<ServedRequest>& request, HttpResponder& responder);
  void OnEnd(const ServedRequest& request, const RequestSummary& summary);
  std::string NewId(bool chat);

  const ServedModel model_;
  const ServeConfig config_;
  const Log log_;
  ApiDefaults defaults_;
  RequestQueue queue_;
  ServeMetrics metrics_;
  std::unique_ptr<CodeRunner> code_;  // with a sandbox
  DeadlineTimer timer_;
  std::atomic<bool> admitting_ = true;
  std::atomic<bool> cancelling_ = false;
  const uint64_t salt_;  // of ids and seeds
  std::atomic<uint64_t> last_id_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  struct Active {
    std::weak_ptr<ServedRequest> request;
    std::optional<DeadlineTimer::Handle> deadline;
  };
  std::unordered_map<const ServedRequest*, Active> active_;
};

}  // namespace qed

#endif  // QED_SERVE_COMPLETION_SERVICE_H_
