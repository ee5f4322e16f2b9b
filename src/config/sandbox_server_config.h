// The sandbox's HTTP server; the limits of its sessions are in sandbox_config.h.
#ifndef QED_CONFIG_SANDBOX_SERVER_CONFIG_H_
#define QED_CONFIG_SANDBOX_SERVER_CONFIG_H_

#include <cstdint>
#include <string>

#include "config/access_config.h"
#include "config/knob.h"
#include "config/sandbox_config.h"

namespace qed {

struct SandboxServerConfig {
  std::string host = "127.0.0.1";
  int32_t port = 6000;  // 0: any free one
  // Cells that run at a time. One a processor: with more, cells would slow each
  // other down, and code would run into its time-out that has done nothing wrong.
  int32_t workers = 0;  // 0: as many as there are processors
  int32_t max_connections = 4096;
  AccessConfig access;
};

// What a server wants of its sessions where the user says nothing.
inline SandboxConfig DefaultServedSandbox() {
  SandboxConfig config;
  config.spare_sessions = 4;  // a client waits for a new session
  return config;
}

template <typename Visitor>
void VisitKnobs(SandboxServerConfig& c, Visitor&& visit) {
  visit(Knob{"host", "", "address to listen on"}, c.host, NoRange{});
  visit(Knob{"port", "", "to listen on; 0 takes a free one"}, c.port, KnobRange<int32_t>{0, 65535});
  visit(Knob{"workers", "cells", "that run at a time; 0 is one a processor"}, c.workers,
        KnobRange<int32_t>{0, 4096});
  visit(Knob{"max-connections", "connections", "open at a time"}, c.max_connections,
        KnobRange<int32_t>{1, 65536});
  VisitKnobs(c.access, visit);
}

}  // namespace qed

#endif  // QED_CONFIG_SANDBOX_SERVER_CONFIG_H_
