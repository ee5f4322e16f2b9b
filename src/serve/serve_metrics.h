// What GET /metrics tells. Names follow vLLM's where the meaning is the same,
// with "qed_" for "vllm:"; docs/server.md has the table.
#ifndef QED_SERVE_SERVE_METRICS_H_
#define QED_SERVE_SERVE_METRICS_H_

#include <functional>
#include <string>

#include "base/metrics.h"
#include "engine/engine.h"
#include "net/http_server.h"
#include "serve/request_queue.h"

namespace qed {

// Thread-safe.
class ServeMetrics {
 public:
  // Both must outlive the metrics.
  ServeMetrics(const Engine& engine, const RequestQueue& queue);

  // Once: what the HTTP server counts, which must outlive the last Text().
  void WatchHttp(const HttpServer& http);
  void CountFinish(const std::string& finish_reason);
  // `unread`: requests whose bodies wait to be read. Called once; it must outlive the
  // last Text.
  void WatchUnread(std::function<double()> unread);
  std::string Text() const { return registry_.Text(); }

 private:
  MetricsRegistry registry_;

 public:
  Histogram& time_to_first_token;
  Histogram& time_per_output_token;
  Histogram& e2e_time;
  Histogram& queue_time;
  Histogram& prompt_tokens_of_request;
  Histogram& generation_tokens_of_request;
  Counter& rejected;  // 429
};

}  // namespace qed

#endif  // QED_SERVE_SERVE_METRICS_H_
