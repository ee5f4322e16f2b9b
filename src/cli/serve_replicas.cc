#include "cli/serve_replicas.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "cli/interrupt.h"
#include "cli/own_command.h"
#include "cli/replica_role.h"
#include "parallel/launched_ranks.h"
#include "serve/replicas/replica_front.h"

namespace qed {
namespace {

constexpr char kKeyVariable[] = "QED_API_KEY";

// That nobody guesses: 128 bits from the system.
std::string RandomKey() {
  std::random_device system;
  std::string key;
  for (int i = 0; i < 2; ++i) {
    key += ChecksumText(uint64_t{system()} << 32 | uint64_t{system()});
  }
  return key;
}

// Ours, but for who a replica is and the key that it wants.
std::vector<std::string> EnvironmentFor(const ReplicaRole& role, const std::string& key) {
  const std::pair<std::string, std::string> own[] = {
      {std::string(kReplicaVariable) + "=", FormatReplicaRole(role)},
      {std::string(kKeyVariable) + "=", key}};
  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const bool replaced = std::ranges::any_of(
        own, [&](const auto& name_and_value) { return text.starts_with(name_and_value.first); });
    if (!replaced) environment.emplace_back(text);
  }
  for (const auto& [name, value] : own) environment.push_back(name + value);
  return environment;
}

ReplicaPoolConfig PoolConfig(const ModelFlags& model, int32_t count) {
  ReplicaPoolConfig pool;
  pool.count = count;
  pool.max_ahead = model.engine.max_batch_size / 2;
  pool.stall_seconds = model.engine.stall_seconds;
  pool.api_key = RandomKey();
  pool.command = [count, key = pool.api_key](int32_t replica) {
    return ChildProcess::Command{.program = OwnProgram(),
                                 .words = OwnCommandLine(),
                                 .environment = EnvironmentFor({replica, count}, key)};
  };
  pool.log = [](int32_t replica, const std::string& line) {
    std::fprintf(stderr, "replica %d: %s\n", replica, line.c_str());
  };
  return pool;
}

}  // namespace

Status ServeReplicas(const ModelFlags& model, const ServeConfig& serve, const std::string& name,
                     bool runs_programs) {
  QED_RETURN_IF_ERROR(ValidateKnobs(model.engine));
  if (const std::optional<LaunchedRank> launched = FindLauncher()) {
    if (launched->rank != 0) return OkStatus();
    return InvalidArgument("--replicas starts its processes itself: leave out the launcher of " +
                           std::to_string(launched->size) + " ranks");
  }
  const std::atomic<bool>& interrupted = CatchInterrupts();
  // Once, and not by all replicas at a time.
  QED_RETURN_IF_ERROR(ResolveNames(model).status());
  QED_ASSIGN_OR_RETURN(
      const std::unique_ptr<ReplicaFront> front,
      ReplicaFront::Start(serve, PoolConfig(model, serve.replicas),
                          runs_programs ? "use the model and run code here" : "use the model"));
  const Status ready = front->WaitReady(interrupted);
  if (ready.code() == StatusCode::kCancelled) return OkStatus();
  QED_RETURN_IF_ERROR(ready);
  std::printf("serving %s (%d replicas) at %s\n", name.c_str(), serve.replicas,
              front->url().c_str());
  std::fflush(stdout);
  WaitForInterrupt(serve.drain_timeout);
  front->Drain();
  return OkStatus();
}

}  // namespace qed
