// `qed serve --replicas N`: one port in front of several replicas of a model. docs/server.md
// describes it; docs/decisions/0027-replicas-behind-one-port.md says why it is made so.
//
// It holds no weights and understands little: it says who may ask (net/request_guard.h), chooses a
// replica for each request (serve/replicas/prefix_router.h), sends it on (serve/replicas/relay.h),
// and answers for all of them what is about all of them: /health, /metrics, /status.
//
// Threads: net/http_server.h's, two that read requests' prompts, one for all that goes to the
// replicas and comes back, and one for each replica's process.
#ifndef QED_SERVE_REPLICAS_REPLICA_FRONT_H_
#define QED_SERVE_REPLICAS_REPLICA_FRONT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/status.h"
#include "config/serve_config.h"
#include "net/http_loop.h"
#include "net/http_server.h"
#include "serve/reading_queue.h"
#include "serve/replicas/relay.h"
#include "serve/replicas/replica_pool.h"

namespace qed {

class ReplicaFront {
 public:
  // Listens at once, so that an address that is taken is known before weights are loaded: that and
  // what is wrong with the flags are errors. Until a replica is ready requests get 503.
  // `what_is_offered` is for the warning where strangers may ask: "use the model".
  static Result<std::unique_ptr<ReplicaFront>> Start(const ServeConfig& serve,
                                                     ReplicaPoolConfig replicas,
                                                     const std::string& what_is_offered);
  // Kills the replicas.
  ~ReplicaFront();

  // Waits until all replicas are ready, or one has failed, which is an error. kCancelled where
  // `stop` was set before.
  Status WaitReady(const std::atomic<bool>& stop);
  // Takes no more requests and tells the replicas to end in good order, as `qed serve` does; kills
  // those that take much longer than that may. Returns once all answers are sent.
  void Drain();

  std::string url() const { return http_->url(); }

 private:
  ReplicaFront(const ServeConfig& serve, ReplicaPoolConfig replicas);

  using Responder = std::shared_ptr<HttpResponder>;
  using Texts = std::vector<std::pair<int32_t, std::string>>;  // replicas' answers
  void Handle(HttpRequest request, Responder responder);
  // Of what is about all of them; false: it is not.
  bool HandleOwn(const HttpRequest& request, const Responder& responder);
  // A completion: its prompt is read for the choice of a replica.
  void ReadAndRelay(std::string client, std::shared_ptr<RelayedRequest> request,
                    Responder responder);
  // From any thread.
  void PostRelay(std::shared_ptr<RelayedRequest> request, Responder responder);
  HttpResponse TooMany();

  // On the loop's thread:
  HttpResponse Health() const;
  // What the replicas that are ready answer to GET `target`, of those that do within seconds.
  void Gather(const std::string& target, std::function<void(Texts)> done);
  HttpResponse Metrics(const Texts& texts) const;
  HttpResponse EngineStatus(const Texts& texts) const;

  const ServeConfig config_;
  const Clock::Time started_ = Clock::Real().Now();
  MetricsRegistry metrics_;
  Counter& moved_;
  Counter& lost_;
  Counter& rejected_;
  std::unique_ptr<HttpLoop> loop_;
  std::unique_ptr<ReplicaPool> pool_;
  std::unique_ptr<ReadingQueue> reading_;
  std::unique_ptr<HttpServer> http_;
  std::atomic<bool> ending_ = false;
};

}  // namespace qed

#endif  // QED_SERVE_REPLICAS_REPLICA_FRONT_H_
