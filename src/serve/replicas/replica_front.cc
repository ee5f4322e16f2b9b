#include "serve/replicas/replica_front.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <string_view>
#include <thread>

#include "base/descriptor_limit.h"
#include "base/json.h"
#include "base/log.h"
#include "nlohmann/json.hpp"
#include "serve/api_error.h"
#include "serve/http_config.h"
#include "serve/replicas/merged_metrics.h"
#include "serve/replicas/route_key.h"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kModels = "/v1/models";
constexpr auto kGatherPatience = std::chrono::seconds(5);
// Beyond --drain-timeout, for what a server does behind it.
constexpr auto kEndPatience = std::chrono::seconds(25);

HttpResponse Error(int status, const std::string& message) {
  return ErrorResponse(PlainError(status, message));
}

// Path and query, without the "http://host" that a client which takes us for its proxy sends.
std::string OriginForm(const std::string& target) {
  if (target.starts_with('/')) return target;
  const size_t scheme = target.find("://");
  const size_t path = scheme == target.npos ? target.npos : target.find('/', scheme + 3);
  return path == target.npos ? "/" : target.substr(path);
}

bool IsCompletion(const HttpRequest& request) {
  return request.method == "POST" &&
         (request.path == "/v1/completions" || request.path == "/v1/chat/completions");
}

// As many of the connections that are wanted as this process may have descriptors for: two a
// request, and some for all else. Without them calls to replicas would fail, and those seem dead.
int32_t ConnectionsFor(int32_t wanted) {
  constexpr uint64_t kOthers = 512;
  const uint64_t needed = 2 * static_cast<uint64_t>(wanted) + kOthers;
  const uint64_t allowed = RaiseDescriptorLimit(needed);
  if (allowed >= needed) return wanted;
  const uint64_t few = std::max(allowed, kOthers + 2) - kOthers;
  LogLine("--max-connections " + std::to_string(wanted) + ": this process may have " +
          std::to_string(allowed) + " files open (ulimit -n): " + std::to_string(few / 2) +
          " connections are let in");
  return static_cast<int32_t>(few / 2);
}

// How many completions run at a time is said of one replica.
void CountAllReplicas(int32_t replicas, HttpResponse& response) {
  constexpr char kField[] = "max_num_seqs";
  Result<Json> models = ParseOrderedJson(response.body);
  if (!models.ok() || !models->is_object()) return;
  const auto count = [&](Json& model) {
    if (!model.is_object() || !model.contains(kField)) return;
    if (!model[kField].is_number_integer()) return;
    model[kField] = model[kField].get<int64_t>() * replicas;
  };
  count(*models);
  if (models->contains("data")) std::ranges::for_each((*models)["data"], count);
  response.body = DumpJson(*models);
}

Json ReplicaJson(int32_t index, const ReplicaStatus& status) {
  return {{"replica", index},
          {"state", ReplicaStateName(status.state)},
          {"pid", status.pid == 0 ? Json() : Json(status.pid)},
          {"completions_in_flight", status.in_flight},
          {"restarts", status.restarts},
          {"last_end", status.last_end.empty() ? Json() : Json(status.last_end)}};
}

}  // namespace

ReplicaFront::ReplicaFront(const ServeConfig& serve, ReplicaPoolConfig replicas)
    : config_(serve),
      moved_(metrics_.GetCounter("qed_replica_moved_requests_total",
                                 "Requests that went to another replica: theirs had ended or had "
                                 "no room, and nothing was sent.")),
      lost_(metrics_.GetCounter("qed_replica_lost_requests_total",
                                "Requests that ended with their replica.")),
      rejected_(metrics_.GetCounter("qed_front_requests_rejected_total",
                                    "Requests refused in front of the replicas because too many "
                                    "were waiting to be read.")),
      loop_(std::make_unique<HttpLoop>()),
      pool_(std::make_unique<ReplicaPool>(*loop_, std::move(replicas), metrics_)),
      reading_(std::make_unique<ReadingQueue>(kReaders, MakeReadingLimits(serve))) {}

Result<std::unique_ptr<ReplicaFront>> ReplicaFront::Start(const ServeConfig& serve,
                                                          ReplicaPoolConfig replicas,
                                                          const std::string& what_is_offered) {
  QED_ASSIGN_OR_RETURN(HttpServerConfig http, MakeHttpConfig(serve));
  http.max_connections = ConnectionsFor(http.max_connections);
  std::unique_ptr<ReplicaFront> front(new ReplicaFront(serve, std::move(replicas)));
  QED_ASSIGN_OR_RETURN(
      front->http_,
      HttpServer::Start(http, [raw = front.get()](HttpRequest request, Responder responder) {
        raw->Handle(std::move(request), std::move(responder));
      }));
  HttpServer* const server = front->http_.get();
  front->metrics_.AddGauge("qed_connections", "Connections that are open.",
                           [server] { return double(server->stats().connections); });
  front->metrics_.AddCounter("qed_forbidden_requests_total",
                             "Requests refused for their Host, Origin, key or type.",
                             [server] { return double(server->stats().forbidden); });
  WarnOfStrangers(*server, *http.guard, what_is_offered);
  return front;
}

ReplicaFront::~ReplicaFront() {
  if (http_) http_->Stop();
  reading_.reset();
  std::promise<void> ended;
  loop_->Post([&] {
    pool_->Stop();
    ended.set_value();
  });
  ended.get_future().wait();
  loop_.reset();  // and with it the calls, which know the pool
}

Status ReplicaFront::WaitReady(const std::atomic<bool>& stop) {
  const auto started = std::make_shared<std::promise<Status>>();
  std::future<Status> status = started->get_future();
  loop_->Post([this, started] {
    pool_->Start([started](Status outcome) { started->set_value(std::move(outcome)); });
  });
  while (status.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
    if (stop) return Cancelled("interrupted before the replicas were ready");
  }
  return status.get();
}

void ReplicaFront::Drain() {
  ending_ = true;
  http_->StopAccepting();
  const auto ended = std::make_shared<std::promise<void>>();
  loop_->Post([this, ended] { pool_->Drain([ended] { ended->set_value(); }); });
  ended->get_future().wait_for(ToDuration(config_.drain_timeout) + kEndPatience);
  http_->Drain(std::chrono::seconds(5));
}

void ReplicaFront::Handle(HttpRequest request, Responder responder) {
  if (HandleOwn(request, responder)) return;
  if (ending_) return responder->Respond(Error(503, "the server is shutting down"));
  const bool reads_models = request.method == "GET" && request.path.starts_with(kModels);
  const bool is_completion = IsCompletion(request);
  const std::string* type = request.headers.Find("Content-Type");
  auto relayed = std::make_shared<RelayedRequest>();
  relayed->method = std::move(request.method);
  relayed->target = OriginForm(request.target);
  if (type != nullptr) relayed->content_type = *type;
  relayed->body = std::move(request.body);
  relayed->memory = std::move(request.memory);
  if (reads_models) {
    relayed->edit = [count = pool_->count()](HttpResponse& r) { CountAllReplicas(count, r); };
  }
  if (!is_completion) return PostRelay(std::move(relayed), std::move(responder));
  ReadAndRelay(request.peer.substr(0, request.peer.rfind(':')), std::move(relayed),
               std::move(responder));
}

bool ReplicaFront::HandleOwn(const HttpRequest& request, const Responder& responder) {
  if (request.method != "GET" && request.method != "HEAD") return false;
  if (request.path == "/health") {
    loop_->Post([this, responder] { responder->Respond(Health()); });
  } else if (request.path == "/metrics") {
    loop_->Post([this, responder] {
      Gather("/metrics", [this, responder](const Texts& t) { responder->Respond(Metrics(t)); });
    });
  } else if (request.path == "/status") {
    loop_->Post([this, responder] {
      Gather("/status", [this, responder](const Texts& t) { responder->Respond(EngineStatus(t)); });
    });
  } else {
    return false;
  }
  return true;
}

void ReplicaFront::ReadAndRelay(std::string client, std::shared_ptr<RelayedRequest> request,
                                Responder responder) {
  ReadingQueue::Job job;
  job.client = std::move(client);
  job.bytes = request->body.size();
  job.refuse = [this, responder] { responder->Respond(TooMany()); };
  job.read = [this, request, responder] {
    request->key = ReadRouteKey(request->body);
    PostRelay(request, responder);
  };
  reading_->Push(std::move(job));
}

void ReplicaFront::PostRelay(std::shared_ptr<RelayedRequest> request, Responder responder) {
  loop_->Post([this, request = std::move(request), responder = std::move(responder)] {
    const Relay::Parts parts = {*loop_, *pool_, moved_, lost_};
    std::make_shared<Relay>(parts, std::move(*request), responder)->Start();
  });
}

HttpResponse ReplicaFront::TooMany() {
  rejected_.Add();
  return QueueFullResponse(1);
}

HttpResponse ReplicaFront::Health() const {
  Json replicas = Json::array();
  for (int32_t i = 0; i < pool_->count(); ++i) {
    replicas.push_back(ReplicaJson(i, pool_->status(i)));
  }
  const int32_t ready = pool_->ready();
  Json body = {{"status", ready == pool_->count() ? "ok" : "degraded"}};
  if (ready == 0) {
    body = Json::parse(Error(503, "no replica of the model is ready").body);
  }
  body["replicas"] = std::move(replicas);
  return JsonResponse(ready > 0 ? 200 : 503, DumpJson(body));
}

void ReplicaFront::Gather(const std::string& target, std::function<void(Texts)> done) {
  struct Gathering {
    Texts texts;
    int32_t missing = 0;
    std::function<void(Texts)> done;
  };
  const auto gathering = std::make_shared<Gathering>();
  gathering->done = std::move(done);
  for (int32_t i = 0; i < pool_->count(); ++i) {
    if (pool_->status(i).state != ReplicaState::kReady) continue;
    ++gathering->missing;
    HttpFetch fetch = pool_->FetchFor(i, "GET", target);
    fetch.deadline = Clock::Real().Now() + kGatherPatience;
    loop_->Start(std::move(fetch), [gathering, i](HttpReply reply) {
      if (reply.status.ok() && reply.response.status == 200) {
        gathering->texts.emplace_back(i, std::move(reply.response.body));
      }
      if (--gathering->missing > 0) return;
      std::ranges::sort(gathering->texts);
      gathering->done(std::move(gathering->texts));
    });
  }
  if (gathering->missing == 0) gathering->done({});
}

HttpResponse ReplicaFront::Metrics(const Texts& texts) const {
  // Whose clients are ours alone.
  const std::vector<std::string> without = {"qed_connections", "qed_forbidden_requests_total"};
  return {.status = 200,
          .headers = {{"Content-Type", kMetricsContentType}},
          .body = metrics_.Text() + MergeMetrics(texts, without)};
}

HttpResponse ReplicaFront::EngineStatus(const Texts& texts) const {
  Json sum = Json::object();
  for (const auto& [replica, text] : texts) {
    const Result<Json> status = ParseOrderedJson(text);
    if (!status.ok() || !status->is_object()) continue;
    for (const auto& [name, value] : status->items()) {
      const bool adds = value.is_number_integer() && sum.contains(name);
      sum[name] = adds ? Json(sum[name].get<int64_t>() + value.get<int64_t>()) : value;
    }
  }
  if (sum.empty()) return Error(503, "no replica of the model is ready");
  sum["seconds"] = Seconds(Clock::Real().Now() - started_);
  sum["replicas"] = pool_->ready();
  return JsonResponse(200, DumpJson(sum));
}

}  // namespace qed
