#include "sandbox/server.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <future>
#include <thread>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/http_server.h"
#include "nlohmann/json.hpp"
#include "sandbox/cell_queue.h"
#include "sandbox/health_monitor.h"
#include "sandbox/local_sandbox.h"
#include "sandbox/protocol.h"

namespace qed {
namespace {

constexpr char kSessionsPath[] = "/sessions/";
constexpr std::chrono::seconds kSendTime{10};  // for the last replies

// Sessions of the language python have ids that no header can hold: so no client's
// session is ever meant.
std::string OneShotId(int64_t number) { return std::string("\n").append(std::to_string(number)); }
bool IsOneShotId(const std::string& id) { return id.starts_with('\n'); }
constexpr char kProbeId[] = "\nprobe";

// Errors have the shape of a reply too: a client reads it as such, whatever its status.
HttpResponse Failure(int status, std::string_view why) {
  return JsonResponse(status, FormatExecuteFailure(why));
}

struct SandboxMetrics {
  explicit SandboxMetrics(MetricsRegistry& registry_in)
      : registry(registry_in),
        run_seconds(registry.GetHistogram("qed_sandbox_cell_seconds", "Time that cells ran.",
                                          LatencyBounds())),
        wait_seconds(registry.GetHistogram("qed_sandbox_cell_wait_seconds",
                                           "Time that cells waited to start.", LatencyBounds())),
        new_sessions(registry.GetCounter("qed_sandbox_sessions_started_total",
                                         "Sessions started for cells.")) {}

  void CountResponse(const char* route, int status) {
    registry
        .GetCounter("qed_sandbox_responses_total", "Responses by route and status.",
                    {{"route", route}, {"status", std::to_string(status)}})
        .Add();
  }
  void CountCell(const char* status) {
    registry.GetCounter("qed_sandbox_cells_total", "Cells by process_status.", {{"status", status}})
        .Add();
  }

  MetricsRegistry& registry;
  Histogram& run_seconds;
  Histogram& wait_seconds;
  Counter& new_sessions;
};

// One request until its answer: what the log says about it.
struct Call {
  int64_t number = 0;
  const char* route = "other";
  std::string method;
  std::string session_id;
  std::shared_ptr<HttpResponder> responder;
  std::shared_ptr<const void> memory;  // HttpRequest's
  Clock::Time arrived = Clock::Real().Now();
  // Of cells.
  double wait_seconds = 0;
  double run_seconds = 0;
  const char* process_status = "-";
};

class Server : public SandboxServer {
 public:
  Server(const SandboxServerConfig& config, const SandboxConfig& sandbox_config,
         std::unique_ptr<LocalSandbox> sandbox)
      : config_(config),
        metrics_(registry_),
        sandbox_(std::move(sandbox)),
        queue_(QueueOptions(sandbox_config)),
        health_([this] { return ProbeInTurn(); }) {
    sandbox_->pool().SetRoomListener([this] { queue_.Recheck(); });
    AddGauges();
  }
  // In this order: no request, then no cell, then no session.
  ~Server() override {
    ending_.store(true);
    if (http_ != nullptr) http_->Stop();
    sandbox_->pool().Shutdown();
    queue_.Close();
    closer_.Stop();
  }

  Status Listen();
  std::string url() const override { return http_->url(); }
  int32_t workers() const override { return workers_; }
  std::vector<std::string> weaker_isolation() const override { return sandbox_->pool().Weakened(); }
  std::vector<std::string> absent_packages() const override;
  void Drain() override;

 private:
  CellQueue::Options QueueOptions(const SandboxConfig& sandbox_config);
  void AddGauges();
  void AddConnectionMetrics();

  void Handle(HttpRequest request, std::shared_ptr<HttpResponder> responder);
  void HandleExecute(const HttpRequest& request, const std::shared_ptr<Call>& call);
  void QueueCell(ExecuteRequest request, const std::shared_ptr<Call>& call);
  // A cell of the server's own, which waits as a client's does.
  Status ProbeInTurn();
  void HandleDelete(const std::shared_ptr<Call>& call);
  void RunCell(const ExecuteRequest& request, const std::shared_ptr<Call>& call);
  HttpResponse ResponseTo(const Result<ExecuteResult>& result, Call& call);
  HttpResponse ListSessions();
  HttpResponse Health();
  HttpResponse Metrics();
  void Answer(Call& call, HttpResponse response);

  const SandboxServerConfig config_;
  int32_t workers_ = 0;
  MetricsRegistry registry_;
  SandboxMetrics metrics_;
  std::atomic<int64_t> calls_{0};
  std::atomic<bool> ending_{false};  // no session outlives it
  std::unique_ptr<LocalSandbox> sandbox_;
  CellQueue queue_;
  HealthMonitor health_;
  TaskThread closer_;  // ends sessions: that waits for their processes
  std::unique_ptr<HttpServer> http_;
};

HttpResponse Overloaded(const std::string& why) {
  HttpResponse response = Failure(503, why);
  response.headers.Add("Retry-After", "1");
  return response;
}

CellQueue::Options Server::QueueOptions(const SandboxConfig& sandbox_config) {
  const auto processors = static_cast<int32_t>(std::thread::hardware_concurrency());
  workers_ = config_.workers > 0 ? config_.workers : std::max(1, processors);
  CellQueue::Options options;
  options.workers = workers_;
  options.max_waiting = sandbox_config.max_waiting;
  options.max_wait = sandbox_config.max_wait;
  options.reserve = [this](const std::string& id) {
    return id == kProbeId || sandbox_->pool().TryReserve(id);
  };
  return options;
}

void Server::AddGauges() {
  const auto number = [](auto value) { return static_cast<double>(value); };
  registry_.AddGauge("qed_sandbox_cells_running", "Cells that run.",
                     [=, this] { return number(queue_.running()); });
  registry_.AddGauge("qed_sandbox_cells_waiting", "Cells that wait to start.",
                     [=, this] { return number(queue_.waiting()); });
  registry_.AddGauge("qed_sandbox_sessions", "Sessions that are open.",
                     [=, this] { return number(sandbox_->pool().size()); });
  registry_.AddCounter("qed_sandbox_sessions_evicted_total",
                       "Idle sessions that were ended to make room for others.",
                       [=, this] { return number(sandbox_->pool().evicted()); });
  registry_.AddGauge("qed_sandbox_healthy", "1 while cells work.",
                     [=, this] { return number(health_.Check().ok() ? 1 : 0); });
}

// After Listen: they ask the server, which may have its first request before it is ours.
void Server::AddConnectionMetrics() {
  const auto number = [](auto value) { return static_cast<double>(value); };
  registry_.AddGauge("qed_sandbox_connections", "Connections that are open.",
                     [=, this] { return number(http_->stats().connections); });
  registry_.AddCounter("qed_sandbox_connections_refused_total", "Connections over the limit.",
                       [=, this] { return number(http_->stats().rejected); });
  registry_.AddCounter("qed_sandbox_malformed_requests_total", "Requests that were no HTTP.",
                       [=, this] { return number(http_->stats().malformed); });
  registry_.AddCounter("qed_sandbox_forbidden_requests_total",
                       "Requests refused for their Host, Origin, key or type.",
                       [=, this] { return number(http_->stats().forbidden); });
}

Status Server::Listen() {
  HttpServerConfig http;
  http.host = config_.host;
  http.port = static_cast<uint16_t>(config_.port);
  http.max_connections = config_.max_connections;
  http.max_buffered_bytes = static_cast<size_t>(config_.max_buffered_bytes);
  http.error_response = Failure;
  QED_ASSIGN_OR_RETURN(http.guard, RequestGuard::Create(config_.access, config_.host));
  QED_ASSIGN_OR_RETURN(http_, HttpServer::Start(http, [this](auto request, auto responder) {
                         Handle(std::move(request), std::move(responder));
                       }));
  AddConnectionMetrics();
  WarnOfStrangers(*http_, *http.guard, "run code here");
  return OkStatus();
}

void Server::Drain() {
  http_->StopAccepting();
  queue_.StopTaking();
  if (!queue_.WaitIdle(config_.drain_timeout)) {
    ending_.store(true);
    sandbox_->pool().Shutdown();
  }
  queue_.Close();
  http_->Drain(kSendTime);
}

// ---- Requests

void Server::Answer(Call& call, HttpResponse response) {
  metrics_.CountResponse(call.route, response.status);
  char text[512];
  std::snprintf(text, sizeof(text),
                "request=%lld %s %s session=%.80s status=%d cell=%s wait_ms=%.1f run_ms=%.1f "
                "total_ms=%.1f",
                static_cast<long long>(call.number), call.method.substr(0, 16).c_str(), call.route,
                call.session_id.empty() ? "-" : call.session_id.c_str(), response.status,
                call.process_status, call.wait_seconds * 1e3, call.run_seconds * 1e3,
                Seconds(Clock::Real().Now() - call.arrived) * 1e3);
  LogLine(text);
  response.headers.Add("X-Request-ID", std::to_string(call.number));
  call.responder->Respond(std::move(response));
}

void Server::Handle(HttpRequest request, std::shared_ptr<HttpResponder> responder) {
  const auto call = std::make_shared<Call>();
  call->number = ++calls_;
  call->method = request.method;
  call->responder = std::move(responder);
  call->memory = std::move(request.memory);
  const bool is_get = request.method == "GET" || request.method == "HEAD";
  const char* allowed = "GET, HEAD";
  if (request.path == "/execute") {
    call->route = "/execute";
    if (request.method == "POST") return HandleExecute(request, call);
    allowed = "POST";
  } else if (request.path.starts_with(kSessionsPath)) {
    call->route = "/sessions/{id}";
    call->session_id = request.path.substr(sizeof(kSessionsPath) - 1);
    if (request.method == "DELETE") return HandleDelete(call);
    allowed = "DELETE";
  } else if (request.path == "/sessions") {
    call->route = "/sessions";
    if (is_get) return Answer(*call, ListSessions());
  } else if (request.path == "/health") {
    call->route = "/health";
    if (is_get) return Answer(*call, Health());
  } else if (request.path == "/metrics") {
    call->route = "/metrics";
    if (is_get) return Answer(*call, Metrics());
  } else {
    return Answer(*call, JsonError(404,
                                   "there is nothing here: the sandbox has /execute, "
                                   "/sessions, /health and /metrics"));
  }
  HttpResponse response = JsonError(405, std::string("the methods here are ").append(allowed));
  response.headers.Add("Allow", allowed);
  Answer(*call, std::move(response));
}

void Server::HandleExecute(const HttpRequest& request, const std::shared_ptr<Call>& call) {
  Result<ExecuteRequest> parsed =
      ParseExecuteRequest(request.body, request.headers.Find(kSessionHeader));
  Status status = parsed.status();
  if (parsed.ok()) {
    call->session_id = parsed->session_id;
    if (parsed->session_id.empty()) parsed->session_id = OneShotId(call->number);
    status = CheckExecuteRequest(*parsed);
  }
  if (!status.ok()) return Answer(*call, Failure(400, status.message()));
  parsed->timeout = std::min(parsed->timeout, config_.max_timeout);
  QueueCell(*std::move(parsed), call);
}

void Server::QueueCell(ExecuteRequest request, const std::shared_ptr<Call>& call) {
  const auto left = std::make_shared<std::atomic<bool>>(false);
  call->responder->OnDisconnect([this, left, id = request.session_id] {
    left->store(true);
    // Nobody else can ask for what it does. Others go on: their session has more to do.
    if (IsOneShotId(id)) closer_.Post([this, id] { sandbox_->pool().Close(id); });
  });
  CellQueue::Cell cell;
  cell.session_id = request.session_id;
  cell.is_wanted = [left] { return !left->load(); };
  cell.refuse = [this, call](const char* why) { Answer(*call, Overloaded(why)); };
  cell.run = [this, call, execute = std::move(request)] { RunCell(execute, call); };
  queue_.Push(std::move(cell));
}

Status Server::ProbeInTurn() {
  const auto result = std::make_shared<std::promise<Status>>();
  std::future<Status> ended = result->get_future();
  CellQueue::Cell cell;
  cell.session_id = kProbeId;
  cell.is_wanted = [] { return true; };
  cell.refuse = [result](const char* why) { result->set_value(Unavailable(why)); };
  cell.run = [this, result] { result->set_value(sandbox_->pool().Probe()); };
  queue_.Push(std::move(cell));
  return ended.get();
}

void Server::RunCell(const ExecuteRequest& request, const std::shared_ptr<Call>& call) {
  call->wait_seconds = Seconds(Clock::Real().Now() - call->arrived);
  const Result<ExecuteResult> result =
      sandbox_->pool().Execute(request, SessionPool::Room::kReserved);
  HttpResponse response = ResponseTo(result, *call);
  Answer(*call, std::move(response));
}

HttpResponse Server::ResponseTo(const Result<ExecuteResult>& result, Call& call) {
  if (result.ok()) {
    call.run_seconds = result->seconds;
    call.process_status = ProcessStatusName(result->process_status);
    if (result->process_status != ExecuteResult::ProcessStatus::kTimeout) health_.OnCellWorked();
    metrics_.CountCell(call.process_status);
    metrics_.run_seconds.Observe(call.run_seconds);
    metrics_.wait_seconds.Observe(call.wait_seconds);
    if (result->new_session_created) metrics_.new_sessions.Add();
    return JsonResponse(200, FormatExecuteResult(*result));
  }
  switch (result.status().code()) {
    case StatusCode::kCancelled: {
      ExecuteResult closed;
      closed.process_status = ExecuteResult::ProcessStatus::kError;
      closed.err = ending_.load() ? "The sandbox ended while this code ran\n"
                                  : "The session was deleted while this code ran\n";
      call.process_status = "deleted";
      return JsonResponse(200, FormatExecuteResult(closed));
    }
    case StatusCode::kInvalidArgument:
      return Failure(400, result.status().message());
    case StatusCode::kResourceExhausted:
      return Overloaded(result.status().message());
    default:
      return Failure(500, result.status().message());
  }
}

void Server::HandleDelete(const std::shared_ptr<Call>& call) {
  const bool posted = closer_.Post([this, call] {
    const bool found = !IsOneShotId(call->session_id) && sandbox_->pool().Close(call->session_id);
    Answer(*call, found ? JsonResponse(200, R"({"message": "the session has ended"})")
                        : JsonError(404, "there is no session of that id"));
  });
  if (!posted) Answer(*call, Overloaded("the sandbox is shutting down"));
}

HttpResponse Server::ListSessions() {
  nlohmann::json sessions = nlohmann::json::object();
  for (const SessionInfo& info : sandbox_->pool().List()) {
    if (IsOneShotId(info.id)) continue;
    sessions[info.id] = {{"backend", info.backend},
                         {"created", info.created},
                         {"last_used", info.last_used},
                         {"alive", info.alive}};
  }
  return JsonResponse(
      200, DumpJson(nlohmann::json{{"backend", "ipython"}, {"sessions", std::move(sessions)}}));
}

HttpResponse Server::Health() {
  const Status status = health_.Check();
  nlohmann::json body = {{"status", status.ok() ? "healthy" : "unhealthy"},
                         {"worker", ::getpid()},
                         {"sessions", sandbox_->pool().size()},
                         {"workers", workers_},
                         {"running", queue_.running()},
                         {"waiting", queue_.waiting()},
                         {"weaker_isolation", weaker_isolation()}};
  const Result<nlohmann::json> packages = ParseJson(sandbox_->pool().Packages());
  body["packages"] = packages.ok() ? *packages : nlohmann::json::object();
  if (!status.ok()) body["error"] = status.message();
  return JsonResponse(status.ok() ? 200 : 503, DumpJson(body));
}

std::vector<std::string> Server::absent_packages() const {
  std::vector<std::string> names;
  const Result<nlohmann::json> packages = ParseJson(sandbox_->pool().Packages());
  if (!packages.ok() || !packages->is_object()) return names;
  for (const auto& [name, version] : packages->items()) {
    if (version.is_null()) names.push_back(name);
  }
  return names;
}

HttpResponse Server::Metrics() {
  HttpResponse response;
  response.headers.Add("Content-Type", kMetricsContentType);
  response.body = registry_.Text();
  return response;
}

}  // namespace

Result<std::unique_ptr<SandboxServer>> SandboxServer::Start(const SandboxServerConfig& config,
                                                            const SandboxConfig& sandbox_config) {
  QED_RETURN_IF_ERROR(ValidateKnobs(config));
  QED_ASSIGN_OR_RETURN(std::unique_ptr<LocalSandbox> sandbox, LocalSandbox::Create(sandbox_config));
  auto server = std::make_unique<Server>(config, sandbox_config, std::move(sandbox));
  QED_RETURN_IF_ERROR(server->Listen());
  return std::unique_ptr<SandboxServer>(std::move(server));
}

}  // namespace qed
