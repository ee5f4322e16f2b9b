// `qed serve`: the HTTP routes of a model. docs/server.md describes them.
//
// Threads: net/http_server.h's, two that read requests and tokenize, one for the
// queue, one for deadlines, and with a sandbox one for each program that runs at
// a time. None is started for a client.
#ifndef QED_SERVE_SERVER_H_
#define QED_SERVE_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/serve_config.h"
#include "net/http_server.h"
#include "serve/completion_service.h"
#include "serve/reading_queue.h"
#include "serve/served_model.h"
#include "serve/solve_routes.h"
#include "serve/step_watch.h"

namespace qed {

class Server {
 public:
  // `log` gets one line per request. Errors: the address cannot be listened on.
  static Result<std::unique_ptr<Server>> Start(const ServedModel& model, const ServeConfig& config,
                                               CompletionService::Log log);
  // Cancels what runs.
  ~Server();

  std::string url() const { return http_->url(); }
  uint16_t port() const { return http_->port(); }

  // Takes no more requests, lets those that run end, and cancels after
  // `config.drain_timeout` what is still there; its clients get what there is.
  // Returns once all answers are sent.
  void Drain();

 private:
  Server(const ServedModel& model, const ServeConfig& config, CompletionService::Log log);

  using Responder = std::shared_ptr<HttpResponder>;
  void Handle(HttpRequest request, Responder responder);
  // What is quick to answer; false: not one of those.
  bool HandleGet(const HttpRequest& request, HttpResponder& responder);
  void HandlePost(const std::string& path, const std::string& body, const Responder& responder);
  void Tokenize(const std::string& body, HttpResponder& responder);
  void Detokenize(const std::string& body, HttpResponder& responder);
  HttpResponse Health();
  HttpResponse EngineStatus() const;
  HttpResponse TokenizerInfo() const;
  HttpResponse Models(const std::string& id) const;
  bool Look();
  // Looks every second, so that /health knows since when there was no step.
  void KeepLooking();

  const ServedModel model_;
  const ServeConfig config_;
  const int64_t created_;  // seconds since 1970
  const Clock::Time started_ = Clock::Real().Now();
  const SolveRoutes solve_;
  StepWatch watch_;
  CompletionService service_;
  ReadingQueue reading_;
  std::unique_ptr<HttpServer> http_;
  DeadlineTimer timer_;
};

}  // namespace qed

#endif  // QED_SERVE_SERVER_H_
