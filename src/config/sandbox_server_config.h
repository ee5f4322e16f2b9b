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
  double max_timeout = 600;   // seconds of a cell, whatever it asks for
  double drain_timeout = 30;  // seconds that running cells get after SIGTERM
  // Of requests that have not arrived or are not answered and of answers that are not
  // read, all together; the first 32 KiB of each are not counted.
  int64_t max_buffered_bytes = int64_t{256} << 20;
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
  visit(Knob{"max-timeout", "s", "most that a cell may run; longer time-outs are cut to it"},
        c.max_timeout, KnobRange<double>{0.1, 1e6});
  visit(Knob{"drain-timeout", "s", "for running cells after SIGTERM, then they are ended"},
        c.drain_timeout, KnobRange<double>{0, 1e5});
  visit(Knob{"max-buffered-bytes", "bytes",
             "of requests on their way and answers not yet read, together; more get 503"},
        c.max_buffered_bytes, KnobRange<int64_t>{1 << 20, int64_t{1} << 40});
  VisitKnobs(c.access, visit);
}

}  // namespace qed

#endif  // QED_CONFIG_SANDBOX_SERVER_CONFIG_H_
