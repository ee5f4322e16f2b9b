#include "cli/replica_role.h"

#include <algorithm>

#include "base/processors.h"
#include "cli/numbered_part.h"

namespace qed {
namespace {

// Connections beside those of requests: idle ones, and whoever asks for health and metrics.
constexpr int32_t kSpareConnections = 512;

}  // namespace

std::string FormatReplicaRole(const ReplicaRole& role) {
  return std::to_string(role.index) + "/" + std::to_string(role.count);
}

std::optional<ReplicaRole> ParseReplicaRole(const char* text) {
  if (text == nullptr) return std::nullopt;
  const std::optional<NumberedPart> read = ReadNumberedPart(text);
  if (!read || read->part < 0 || read->part >= read->count || read->count > kMaxReplicas) {
    return std::nullopt;
  }
  return ReplicaRole{.index = read->part, .count = read->count};
}

void TakeReplicaRole(const ReplicaRole& role, ModelFlags& model, ServeConfig& serve) {
  const int32_t ranks = std::max(1, model.engine.tp_size);
  model.gpus_before = role.index * ranks;
  if (model.engine.threads == 0) model.engine.threads = ProcessorsEach(role.count * ranks);
  serve.replicas = 1;
  serve.host = "127.0.0.1";
  serve.port = 0;
  serve.access = AccessConfig();
  serve.max_connections = std::min(kMaxConnections, serve.max_connections + kSpareConnections);
}

}  // namespace qed
