// What one of several replicas knows of the others: `qed serve --replicas N` starts its own command
// line N times, and the environment says which of them a process is.
#ifndef QED_CLI_REPLICA_ROLE_H_
#define QED_CLI_REPLICA_ROLE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "cli/model_session.h"
#include "config/serve_config.h"

namespace qed {

inline constexpr char kReplicaVariable[] = "QED_REPLICA";

struct ReplicaRole {
  int32_t index = 0;
  int32_t count = 1;
};

// The value of QED_REPLICA: "1/4" is the second of four.
std::string FormatReplicaRole(const ReplicaRole& role);
// nullopt: it is none (or null).
std::optional<ReplicaRole> ParseReplicaRole(const char* text);

// Turns what all replicas together were asked for into one's own part: its share of the cores and
// its own GPUs (as many as it has ranks), any port of the loopback, where only who has the key in
// QED_API_KEY may ask.
void TakeReplicaRole(const ReplicaRole& role, ModelFlags& model, ServeConfig& serve);

}  // namespace qed

#endif  // QED_CLI_REPLICA_ROLE_H_
