#include "cli/replica_role.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <thread>

#include "serve/replicas/prefix_router.h"

namespace qed {
namespace {

// Connections beside those of requests: idle ones, and whoever asks for health and metrics.
constexpr int32_t kSpareConnections = 512;
constexpr int32_t kMaxConnections = 65536;  // as --max-connections allows

}  // namespace

std::string FormatReplicaRole(const ReplicaRole& role) {
  return std::to_string(role.index) + "/" + std::to_string(role.count);
}

std::optional<ReplicaRole> ParseReplicaRole(const char* text) {
  if (text == nullptr) return std::nullopt;
  const std::string_view all(text);
  const size_t slash = all.find('/');
  if (slash == all.npos) return std::nullopt;
  const auto read = [](std::string_view digits, int32_t* out) {
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, *out);
    return error == std::errc() && stop == end;
  };
  ReplicaRole role;
  const bool readable =
      read(all.substr(0, slash), &role.index) && read(all.substr(slash + 1), &role.count);
  if (!readable || role.index < 0 || role.index >= role.count || role.count > kMaxReplicas) {
    return std::nullopt;
  }
  return role;
}

void TakeReplicaRole(const ReplicaRole& role, ModelFlags& model, ServeConfig& serve) {
  const int32_t ranks = std::max(1, model.engine.tp_size);
  model.gpus_before = role.index * ranks;
  if (model.engine.threads == 0) {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    model.engine.threads = std::max(1, cores / (role.count * ranks));
  }
  serve.replicas = 1;
  serve.host = "127.0.0.1";
  serve.port = 0;
  serve.access = AccessConfig();
  serve.max_connections = std::min(kMaxConnections, serve.max_connections + kSpareConnections);
}

}  // namespace qed
