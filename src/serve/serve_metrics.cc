#include "serve/serve_metrics.h"

#include <utility>

namespace qed {
namespace {

const std::vector<double> kTokenBounds = {1,   2,   5,   10,  20,  50,  100, 200,
                                          500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5};

}  // namespace

ServeMetrics::ServeMetrics(const Engine& engine, const RequestQueue& queue)
    : time_to_first_token(registry_.GetHistogram(
          "qed_time_to_first_token_seconds", "From arrival to the first text.", LatencyBounds())),
      time_per_output_token(registry_.GetHistogram(
          "qed_time_per_output_token_seconds",
          "Between tokens of one completion, on average, without the first.", LatencyBounds())),
      e2e_time(registry_.GetHistogram("qed_e2e_request_latency_seconds",
                                      "From arrival to the end of a completion.", LatencyBounds())),
      queue_time(registry_.GetHistogram("qed_request_queue_time_seconds",
                                        "From arrival to the engine.", LatencyBounds())),
      prompt_tokens_of_request(
          registry_.GetHistogram("qed_request_prompt_tokens", "Tokens of a prompt.", kTokenBounds)),
      generation_tokens_of_request(registry_.GetHistogram(
          "qed_request_generation_tokens", "Tokens generated for a completion.", kTokenBounds)),
      rejected(registry_.GetCounter("qed_requests_rejected_total",
                                    "Requests refused because too many were waiting.")) {
  const auto gauge = [&](const char* name, const char* help, auto read) {
    registry_.AddGauge(name, help, [&engine, read] { return double(read(engine.Stats())); });
  };
  const auto counter = [&](const char* name, const char* help, auto read) {
    registry_.AddCounter(name, help, [&engine, read] { return double(read(engine.Stats())); });
  };
  using Stats = EngineStats;
  gauge("qed_num_requests_running", "Completions in the running batch.",
        [](const Stats& s) { return s.running; });
  registry_.AddGauge(
      "qed_num_requests_waiting", "Completions that wait for the engine.",
      [&engine, &queue] { return double(queue.waiting() + engine.Stats().waiting); });
  gauge("qed_num_requests_kept", "Completions whose program runs.",
        [](const Stats& s) { return s.kept; });
  gauge("qed_kv_cache_usage_perc", "Share of the KV cache in use, from 0 to 1.",
        [](const Stats& s) {
          return 1.0 - double(s.pages_free + s.pages_cached) / std::max(1, s.pages_total);
        });
  gauge("qed_kv_pages_total", "Pages of the KV cache.",
        [](const Stats& s) { return s.pages_total; });
  gauge("qed_kv_pages_free", "Pages that hold nothing.",
        [](const Stats& s) { return s.pages_free; });
  gauge("qed_kv_pages_cached", "Pages that hold only what may be reused.",
        [](const Stats& s) { return s.pages_cached; });
  counter("qed_engine_steps_total", "Steps of the engine.", [](const Stats& s) { return s.steps; });
  counter("qed_prompt_tokens_total", "Tokens of prompts computed.",
          [](const Stats& s) { return s.prompt_tokens; });
  counter("qed_generation_tokens_total", "Tokens generated.",
          [](const Stats& s) { return s.generated_tokens; });
  counter("qed_prefix_cache_hits_total", "Tokens of prompts found in the cache.",
          [](const Stats& s) { return s.cached_tokens; });
  counter("qed_num_preemptions_total", "Completions that gave up their pages for a while.",
          [](const Stats& s) { return s.preemptions; });
  counter("qed_spec_decode_num_drafts_total", "Steps of a completion with drafts in them.",
          [](const Stats& s) { return s.drafts.drafts; });
  counter("qed_spec_decode_num_draft_tokens_total", "Drafts computed.",
          [](const Stats& s) { return s.drafts.tokens; });
  counter("qed_spec_decode_num_accepted_tokens_total", "Drafts that became tokens.",
          [](const Stats& s) { return s.drafts.accepted; });
  for (size_t place = 0; place < kMaxDrafts; ++place) {
    registry_.AddCounter(
        "qed_spec_decode_num_accepted_tokens_per_pos_total",
        "Drafts that became tokens, by their place in a step.",
        [&engine, place] { return double(engine.Stats().drafts.accepted_at[place]); },
        {{"position", std::to_string(place)}});
  }
}

void ServeMetrics::WatchHttp(const HttpServer& http) {
  registry_.AddGauge("qed_connections", "Connections that are open.",
                     [&http] { return double(http.stats().connections); });
  registry_.AddCounter("qed_forbidden_requests_total",
                       "Requests refused for their Host, Origin, key or type.",
                       [&http] { return double(http.stats().forbidden); });
}

void ServeMetrics::WatchUnread(std::function<double()> unread) {
  registry_.AddGauge("qed_requests_unread", "Requests whose bodies wait to be read.",
                     std::move(unread));
}

void ServeMetrics::CountFinish(const std::string& finish_reason) {
  registry_
      .GetCounter("qed_request_success_total", "Completions that ended, by why.",
                  {{"finished_reason", finish_reason}})
      .Add();
}

}  // namespace qed
