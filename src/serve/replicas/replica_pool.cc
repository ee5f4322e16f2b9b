#include "serve/replicas/replica_pool.h"

#include <algorithm>
#include <csignal>
#include <utility>

namespace qed {
namespace {

constexpr double kFirstPause = 1;  // seconds
constexpr double kLongestPause = 60;
constexpr auto kAskEvery = std::chrono::seconds(1);
// A server's answer to /health needs nothing but a free thread for input and output.
constexpr auto kSilence = std::chrono::seconds(3);
constexpr int kExitUsage = 2;
constexpr std::string_view kServing = " at http://";

std::string Plural(int32_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// The error that ends a process of ours, without the command's name.
std::string ErrorText(const std::string& line) {
  const size_t colon = line.find(": ");
  return line.starts_with("qed") && colon != line.npos ? line.substr(colon + 2) : line;
}

}  // namespace

const char* ReplicaStateName(ReplicaState state) {
  switch (state) {
    case ReplicaState::kStarting:
      return "starting";
    case ReplicaState::kReady:
      return "ready";
    case ReplicaState::kSilent:
      return "silent";
    case ReplicaState::kRestarting:
      return "restarting";
    case ReplicaState::kEnded:
      return "ended";
  }
  return "";
}

ReplicaPool::ReplicaPool(HttpLoop& loop, ReplicaPoolConfig config, MetricsRegistry& metrics)
    : loop_(loop),
      config_(std::move(config)),
      router_(config_.count, config_.max_ahead),
      replicas_(static_cast<size_t>(config_.count)) {
  AddMetrics(metrics);
}

void ReplicaPool::AddMetrics(MetricsRegistry& metrics) {
  for (int32_t i = 0; i < count(); ++i) {
    const std::string name = std::to_string(i);
    metrics.AddGauge("qed_replica_up", "Whether the replica is ready.",
                     [this, i] { return at(i).state == ReplicaState::kReady ? 1.0 : 0.0; },
                     {{"replica", name}});
    metrics.AddGauge("qed_replica_completions_in_flight", "Completions that the replica was given.",
                     [this, i] { return double(at(i).in_flight); }, {{"replica", name}});
    metrics.AddCounter("qed_replica_restarts_total", "Times that the replica was started again.",
                       [this, i] { return double(status(i).restarts); }, {{"replica", name}});
    const auto routed = [&](const char* by) {
      return &metrics.GetCounter(
          "qed_replica_requests_total",
          "Requests that the replica was given, for the beginning of a prompt that it knows or "
          "because it had the least to do.",
          {{"replica", name}, {"by", by}});
    };
    at(i).by_prefix = routed("prefix");
    at(i).by_load = routed("load");
  }
}

void ReplicaPool::Start(std::function<void(Status)> on_started) {
  on_started_ = std::move(on_started);
  for (int32_t i = 0; i < count(); ++i) Launch(i);
  AskAll();
}

void ReplicaPool::Launch(int32_t index) {
  Replica& replica = at(index);
  ++replica.launches;
  replica.state = ReplicaState::kStarting;
  replica.asked.reset();
  replica.killed = false;
  replica.process = std::make_unique<ChildProcess>(config_.command(index), MakeEvents(index));
}

void ReplicaPool::PostFor(int32_t index, int64_t launch, std::function<void()> work) {
  loop_.Post(
      [this, index, launch, alive = std::weak_ptr<const bool>(alive_), work = std::move(work)] {
        if (!alive.expired() && at(index).launches == launch) work();
      });
}

ChildProcess::Events ReplicaPool::MakeEvents(int32_t index) {
  // What the process's own thread knows of it.
  struct Told {
    bool serving = false;
    std::string error;  // of one that does not serve yet: for whoever waits for it
  };
  const auto told = std::make_shared<Told>();
  const int64_t launch = at(index).launches;
  ChildProcess::Events events;
  events.on_output = [this, index, launch, told](const std::string& line) {
    const size_t found = line.find(kServing);
    const size_t colon = line.rfind(':');
    if (told->serving || found == line.npos) return;
    told->serving = true;
    PostFor(index, launch,
            [this, index, port = line.substr(colon + 1)] { OnServing(index, port); });
  };
  events.on_error = [this, index, told](std::string line) {
    if (!told->serving && line.starts_with("qed")) line = std::exchange(told->error, line);
    if (!line.empty()) config_.log(index, line);
  };
  events.on_exit = [this, index, launch, told](const ChildProcess::Exit& exit) {
    PostFor(index, launch,
            [this, index, exit, error = ErrorText(told->error)] { OnExit(index, exit, error); });
  };
  return events;
}

void ReplicaPool::OnServing(int32_t index, std::string port) {
  at(index).port = std::move(port);
  at(index).last_good = Clock::Real().Now();
  Ask(index);
}

void ReplicaPool::OnExit(int32_t index, const ChildProcess::Exit& exit, const std::string& error) {
  Replica& replica = at(index);
  replica.process.reset();
  replica.port.clear();
  replica.last_end = error.empty() ? exit.how : exit.how + ": " + error;
  router_.Forget(index);
  if (ending_) {
    replica.state = ReplicaState::kEnded;
    return CheckEnded();
  }
  if (!on_started_) return StartAgain(index);
  const std::string text =
      "replica " + std::to_string(index) + ": " + (error.empty() ? exit.how : error);
  FailStart(exit.code == kExitUsage ? InvalidArgument(text) : Unavailable(text));
}

void ReplicaPool::FailStart(Status error) {
  ending_ = true;
  for (Replica& replica : replicas_) {
    if (replica.process) replica.process->Signal(SIGKILL);
  }
  std::exchange(on_started_, nullptr)(std::move(error));
}

void ReplicaPool::StartAgain(int32_t index) {
  Replica& replica = at(index);
  const bool lasted = replica.state != ReplicaState::kStarting &&
                      Seconds(Clock::Real().Now() - replica.ready_since) > kLongestPause;
  replica.pause = lasted ? kFirstPause : std::clamp(2 * replica.pause, kFirstPause, kLongestPause);
  replica.state = ReplicaState::kRestarting;
  config_.log(index, replica.last_end + "; it is started again in " +
                         std::to_string(static_cast<int>(replica.pause)) + " s, " +
                         Plural(ready(), "replica") + " left meanwhile");
  const auto again = [this, index, alive = std::weak_ptr<const bool>(alive_)] {
    if (!alive.expired() && !ending_) Launch(index);
  };
  loop_.After(ToDuration(replica.pause), again);
}

void ReplicaPool::AskAll() {
  for (int32_t i = 0; i < count(); ++i) {
    if (at(i).port.empty()) continue;
    LookAtSilence(i);
    Ask(i);
  }
  loop_.After(kAskEvery, [this, alive = std::weak_ptr<const bool>(alive_)] {
    if (!alive.expired() && !ending_) AskAll();
  });
}

void ReplicaPool::Ask(int32_t index) {
  Replica& replica = at(index);
  if (replica.asked) return;
  replica.asked = Clock::Real().Now();
  HttpFetch fetch = FetchFor(index, "GET", "/health");
  fetch.deadline = *replica.asked + ToDuration(config_.stall_seconds);
  loop_.Start(std::move(fetch), [this, index, launch = replica.launches,
                                 alive = std::weak_ptr<const bool>(alive_)](HttpReply reply) {
    if (!alive.expired() && at(index).launches == launch) OnHealth(index, reply);
  });
}

void ReplicaPool::OnHealth(int32_t index, const HttpReply& reply) {
  Replica& replica = at(index);
  replica.asked.reset();
  if (replica.port.empty() || ending_) return;
  if (reply.status.code() == StatusCode::kUnsupported && on_started_) {
    return FailStart(reply.status.WithPrefix("--replicas"));
  }
  if (reply.status.ok() && reply.response.status == 200) {
    replica.last_good = Clock::Real().Now();
    if (replica.state != ReplicaState::kReady) OnReady(index);
  } else if (replica.state == ReplicaState::kReady) {
    replica.state = ReplicaState::kSilent;
    config_.log(index, "its /health fails: it is given no requests");
  }
}

void ReplicaPool::OnReady(int32_t index) {
  Replica& replica = at(index);
  const bool started = replica.state == ReplicaState::kStarting;
  replica.state = ReplicaState::kReady;
  if (started) replica.ready_since = Clock::Real().Now();
  if (!on_started_) {
    config_.log(index, started ? "is ready again" : "answers again");
  } else if (ready() == count()) {
    std::exchange(on_started_, nullptr)(OkStatus());
  }
}

void ReplicaPool::LookAtSilence(int32_t index) {
  Replica& replica = at(index);
  const Clock::Time now = Clock::Real().Now();
  if (replica.asked && now - *replica.asked > kSilence && replica.state == ReplicaState::kReady) {
    replica.state = ReplicaState::kSilent;
    config_.log(index, "does not answer: it is given no requests");
  }
  if (Seconds(now - replica.last_good) < config_.stall_seconds || replica.killed) return;
  replica.killed = true;
  config_.log(index, "has given no good answer for --stall-seconds and is killed");
  replica.process->Signal(SIGKILL);
}

void ReplicaPool::Drain(std::function<void()> on_ended) {
  ending_ = true;
  on_started_ = nullptr;
  on_ended_ = std::move(on_ended);
  for (Replica& replica : replicas_) {
    if (replica.process) {
      // What still loads has nothing to end in good order, and would load to the end first.
      replica.process->Signal(replica.port.empty() ? SIGKILL : SIGTERM);
    } else {
      replica.state = ReplicaState::kEnded;
    }
  }
  CheckEnded();
}

void ReplicaPool::Stop() {
  ending_ = true;
  for (Replica& replica : replicas_) {
    replica.process.reset();
    replica.state = ReplicaState::kEnded;
  }
}

void ReplicaPool::CheckEnded() {
  const bool left = std::ranges::any_of(
      replicas_, [](const Replica& replica) { return replica.process != nullptr; });
  if (!left && on_ended_) std::exchange(on_ended_, nullptr)();
}

std::optional<int32_t> ReplicaPool::Acquire(const RouteKey& key, std::optional<int32_t> but) {
  std::vector<ReplicaLoad> loads;
  for (int32_t i = 0; i < count(); ++i) {
    loads.push_back({at(i).state == ReplicaState::kReady && i != but, at(i).in_flight});
  }
  const std::optional<RouteChoice> choice = router_.Choose(key.blocks, loads);
  if (!choice) return std::nullopt;
  Replica& replica = at(choice->replica);
  replica.in_flight += key.completions;
  (choice->by_prefix ? replica.by_prefix : replica.by_load)->Add();
  return choice->replica;
}

void ReplicaPool::Release(int32_t replica, const RouteKey& key) {
  at(replica).in_flight -= key.completions;
}

void ReplicaPool::Suspect(int32_t index) {
  Replica& replica = at(index);
  if (replica.state != ReplicaState::kReady) return;
  replica.state = ReplicaState::kSilent;
  config_.log(index, "a connection to it broke: it is given no requests until it answers");
  if (!ending_) Ask(index);
}

HttpFetch ReplicaPool::FetchFor(int32_t replica, std::string method, std::string target) const {
  HttpFetch fetch;
  fetch.method = std::move(method);
  fetch.url = {"127.0.0.1", at(replica).port, std::move(target)};
  fetch.headers.Add("Authorization", "Bearer " + config_.api_key);
  fetch.keep_connection = true;
  return fetch;
}

int32_t ReplicaPool::ready() const {
  return static_cast<int32_t>(std::ranges::count_if(
      replicas_, [](const Replica& r) { return r.state == ReplicaState::kReady; }));
}

ReplicaStatus ReplicaPool::status(int32_t index) const {
  const Replica& replica = at(index);
  return {.state = replica.state,
          .pid = replica.process ? replica.process->pid() : 0,
          .in_flight = replica.in_flight,
          .restarts = std::max<int64_t>(0, replica.launches - 1),
          .last_end = replica.last_end};
}

}  // namespace qed
