// The HTTP server of a model: where it listens and what it lets in.
#ifndef QED_CONFIG_SERVE_CONFIG_H_
#define QED_CONFIG_SERVE_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "config/access_config.h"
#include "config/knob.h"

namespace qed {

inline constexpr int32_t kMaxReplicas = 64;
inline constexpr int32_t kMaxConnections = 65536;

struct ServeConfig {
  std::string host = "127.0.0.1";
  int32_t port = 5000;
  int32_t replicas = 1;  // processes behind the port, each with the whole model
  // The first is the one in replies; none: the name of the model's file or folder.
  std::vector<std::string> served_model_name;
  std::string tool_loop = "off";        // "on": the sandbox for requests that do not ask for it
  bool strict_fields = false;           // fields that change nothing are errors
  int32_t max_waiting = 2048;           // completions in the queue; more get 429
  int32_t max_connections = 4096;       // open at a time; more get 503
  int64_t max_body_bytes = 8 << 20;     // of one request
  int64_t max_unread_bytes = 64 << 20;  // of bodies that wait to be read; more get 429
  double header_timeout = 10;           // seconds from a request's first byte to its whole header
  double body_timeout = 60;             // seconds from there to its whole body
  double request_timeout = 0;           // seconds, where a request names none; 0: no limit
  double drain_timeout = 30;            // seconds that running requests get after SIGTERM
  // Of requests that have not arrived or are not answered and of answers that are not
  // read, all together; the first 32 KiB of each are not counted.
  int64_t max_buffered_bytes = int64_t{256} << 20;
  AccessConfig access;
};

template <typename Visitor>
void VisitKnobs(ServeConfig& c, Visitor&& visit) {
  visit(Knob{"host", "", "address or name to listen on"}, c.host, NoRange{});
  visit(Knob{"port", "", "to listen on; 0 takes any free one"}, c.port,
        KnobRange<int32_t>{0, 65535});
  visit(Knob{"replicas", "processes",
             "on this host, each with the whole model: on GPUs each with its own, else they share "
             "the cores; one port for all"},
        c.replicas, KnobRange<int32_t>{1, kMaxReplicas});
  visit(Knob{"served-model-name", "",
             "the model's ids, the first in replies; else the name of its file or folder"},
        c.served_model_name, NoRange{});
  visit(Knob{"tool-loop", "", "on: programs run for requests that ask for no tool too"},
        c.tool_loop, NoRange{});
  visit(Knob{"strict-fields", "", "refuse fields that change nothing, too"}, c.strict_fields,
        NoRange{});
  visit(Knob{"max-waiting", "completions", "most in the queue; more are refused with 429"},
        c.max_waiting, KnobRange<int32_t>{1, 1 << 20});
  visit(Knob{"max-connections", "connections", "most open at a time; more get 503"},
        c.max_connections, KnobRange<int32_t>{1, kMaxConnections});
  visit(Knob{"max-body-bytes", "bytes", "most in the body of one request"}, c.max_body_bytes,
        KnobRange<int64_t>{1024, int64_t{1} << 30});
  visit(Knob{"max-unread-bytes", "bytes", "of bodies that wait to be read; more get 429"},
        c.max_unread_bytes, KnobRange<int64_t>{1024, int64_t{1} << 36});
  visit(Knob{"header-timeout", "s", "in which a request's header must arrive; else 408"},
        c.header_timeout, KnobRange<double>{0.1, 3600});
  visit(Knob{"body-timeout", "s", "in which its body must arrive; else 408"}, c.body_timeout,
        KnobRange<double>{0.1, 3600});
  visit(Knob{"request-timeout", "s", "where a request names none; 0 is no limit"},
        c.request_timeout, KnobRange<double>{0, 1e7});
  visit(Knob{"drain-timeout", "s", "for running requests after SIGTERM"}, c.drain_timeout,
        KnobRange<double>{0, 1e5});
  visit(Knob{"max-buffered-bytes", "bytes",
             "of requests on their way and answers not yet read, together; more get 503"},
        c.max_buffered_bytes, KnobRange<int64_t>{1 << 20, int64_t{1} << 40});
  VisitKnobs(c.access, visit);
}

}  // namespace qed

#endif  // QED_CONFIG_SERVE_CONFIG_H_
