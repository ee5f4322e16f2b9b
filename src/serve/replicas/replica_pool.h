// The replicas of a model: processes that each serve it on a port of the loopback. Starts them,
// watches them, starts again what has ended, and says which one gets a request.
#ifndef QED_SERVE_REPLICAS_REPLICA_POOL_H_
#define QED_SERVE_REPLICAS_REPLICA_POOL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/status.h"
#include "net/http_fetch.h"
#include "net/http_loop.h"
#include "serve/replicas/child_process.h"
#include "serve/replicas/prefix_router.h"
#include "serve/replicas/route_key.h"

namespace qed {

enum class ReplicaState {
  kStarting,    // is not ready yet
  kReady,       // answers
  kSilent,      // runs, but /health fails or does not come: is given nothing
  kRestarting,  // has ended, and is started again soon
  kEnded,       // as it was told to
};

// "starting", "ready", "silent", "restarting", "ended".
const char* ReplicaStateName(ReplicaState state);

struct ReplicaStatus {
  ReplicaState state = ReplicaState::kStarting;
  int64_t pid = 0;        // 0: no process
  int32_t in_flight = 0;  // completions that it was given
  int64_t restarts = 0;
  std::string last_end;  // how its last process ended; empty: none has
};

struct ReplicaPoolConfig {
  int32_t count = 2;
  int32_t max_ahead = 16;     // serve/replicas/prefix_router.h
  double stall_seconds = 30;  // without a good answer: a replica is killed and started again
  std::string api_key;        // that the replicas want
  // How to start one. When it serves it says " at http://127.0.0.1:PORT" on standard output.
  std::function<ChildProcess::Command(int32_t replica)> command;
  // A line for people, about a replica or of its standard error. Any thread.
  std::function<void(int32_t replica, const std::string& line)> log;
};

// Belongs to the loop's thread: is called there, and calls back there.
//
// A replica that ends is started again after a second, after two when that one ends soon too, and
// so on up to a minute. Each is asked for /health once a second.
class ReplicaPool {
 public:
  // The loop must outlive the pool, and the pool the last reading of `metrics`, which get what
  // there is to count.
  ReplicaPool(HttpLoop& loop, ReplicaPoolConfig config, MetricsRegistry& metrics);
  // REQUIRES: Stop() was called.
  ~ReplicaPool() = default;
  ReplicaPool(const ReplicaPool&) = delete;
  ReplicaPool& operator=(const ReplicaPool&) = delete;

  // Starts all. `on_started` comes once: OK when all are ready; else the first error, which names
  // its replica, and then the others are killed. kInvalidArgument where the replica found its
  // arguments unusable (exit code 2).
  void Start(std::function<void(Status)> on_started);
  // Tells all to end in good order; `on_ended` comes once, when none is left.
  void Drain(std::function<void()> on_ended);
  // Kills all; none is left when it returns.
  void Stop();

  // The replica for a request, another one than `but`; the request's completions count as in flight
  // until Release. nullopt: there is none that is ready.
  std::optional<int32_t> Acquire(const RouteKey& key, std::optional<int32_t> but);
  void Release(int32_t replica, const RouteKey& key);
  // A connection to it broke: it is given nothing until it answers again. (What a process's end
  // breaks is noticed before the end is.)
  void Suspect(int32_t replica);
  // A call to a replica that is ready, with the key that it wants.
  HttpFetch FetchFor(int32_t replica, std::string method, std::string target) const;

  int32_t count() const { return config_.count; }
  int32_t ready() const;
  ReplicaStatus status(int32_t replica) const;

 private:
  struct Replica {
    ReplicaState state = ReplicaState::kStarting;
    std::unique_ptr<ChildProcess> process;
    int64_t launches = 0;  // events of an earlier process count no more
    std::string port;      // empty: it does not serve yet
    int32_t in_flight = 0;
    std::string last_end;
    double pause = 0;  // seconds, before the last start
    Clock::Time ready_since{};
    Clock::Time last_good{};           // answer to /health, or when it began to serve
    std::optional<Clock::Time> asked;  // for the one that has not come
    bool killed = false;               // for its silence
    Counter* by_prefix = nullptr;
    Counter* by_load = nullptr;
  };
  Replica& at(int32_t index) { return replicas_[static_cast<size_t>(index)]; }
  const Replica& at(int32_t index) const { return replicas_[static_cast<size_t>(index)]; }

  void AddMetrics(MetricsRegistry& metrics);
  void Launch(int32_t index);
  ChildProcess::Events MakeEvents(int32_t index);
  // Runs `work` on the loop's thread, if the process that it is about is still the replica's.
  void PostFor(int32_t index, int64_t launch, std::function<void()> work);
  void OnServing(int32_t index, std::string port);
  void OnExit(int32_t index, const ChildProcess::Exit& exit, const std::string& error);
  void FailStart(Status error);
  void StartAgain(int32_t index);
  void AskAll();
  void Ask(int32_t index);
  void OnHealth(int32_t index, const HttpReply& reply);
  void OnReady(int32_t index);
  void LookAtSilence(int32_t index);
  void CheckEnded();

  HttpLoop& loop_;
  const ReplicaPoolConfig config_;
  PrefixRouter router_;
  std::function<void(Status)> on_started_;  // until it was called
  std::function<void()> on_ended_;          // from Drain until it was called
  bool ending_ = false;
  // Whether the pool is still there, for what was posted.
  std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);
  std::vector<Replica> replicas_;
};

}  // namespace qed

#endif  // QED_SERVE_REPLICAS_REPLICA_POOL_H_
