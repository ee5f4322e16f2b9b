// Limits of the jail that runs the model's Python.
#ifndef QED_CONFIG_SANDBOX_CONFIG_H_
#define QED_CONFIG_SANDBOX_CONFIG_H_

#include <cstdint>
#include <string>

#include "config/knob.h"

namespace qed {

struct SandboxConfig {
  std::string python = "/usr/bin/python3";  // must have sympy and numpy
  int64_t memory_bytes = int64_t{1} << 30;  // address space of a process, memory of a session
  int32_t max_processes = 16;               // processes and threads of one session
  int64_t tmp_bytes = int64_t{16} << 20;    // of the session's private /tmp
  int64_t cpu_seconds = 3600;               // of processor time of one process of a session
  int32_t interrupt_grace_ms = 50;          // from a cell's time-out to its kill
  int32_t max_sessions = 256;
  std::string allow_weaker_isolation;  // mechanisms that may be missing: "NAME,NAME"
};

template <typename Visitor>
void VisitKnobs(SandboxConfig& c, Visitor&& visit) {
  visit(Knob{"sandbox-python", "", "the interpreter that runs the model's code"}, c.python,
        NoRange{});
  visit(Knob{"sandbox-memory-bytes", "bytes",
             "of address space of one process, of memory of one session"},
        c.memory_bytes, KnobRange<int64_t>{int64_t{256} << 20, int64_t{1} << 40});
  visit(Knob{"sandbox-max-processes", "processes", "and threads of one session"}, c.max_processes,
        KnobRange<int32_t>{1, 4096});
  visit(Knob{"sandbox-tmp-bytes", "bytes", "of one session's private /tmp"}, c.tmp_bytes,
        KnobRange<int64_t>{0, int64_t{1} << 36});
  visit(Knob{"sandbox-cpu-seconds", "s", "of processor time of one process of a session"},
        c.cpu_seconds, KnobRange<int64_t>{1, int64_t{1} << 30});
  visit(Knob{"sandbox-interrupt-grace-ms", "ms",
             "for code over its time to stop before it is killed"},
        c.interrupt_grace_ms, KnobRange<int32_t>{0, 60000});
  visit(Knob{"allow-weaker-isolation", "",
             "mechanisms of the sandbox that may be missing: NAME,NAME"},
        c.allow_weaker_isolation, NoRange{});
  visit(Knob{"sandbox-max-sessions", "sessions", "alive at a time"}, c.max_sessions,
        KnobRange<int32_t>{1, 65536});
}

}  // namespace qed

#endif  // QED_CONFIG_SANDBOX_CONFIG_H_
