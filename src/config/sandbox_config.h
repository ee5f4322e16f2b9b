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
  int32_t spare_sessions = 0;          // started ahead, so that a new one need not be waited for
  double session_idle_timeout = 3600;  // seconds; 0: sessions do not expire
  int32_t max_waiting = 1024;          // calls that wait for a session, or for their turn
  // Seconds that a call may wait so. Below 5, by which a NeMo-Skills client outwaits
  // its code's time-out: it must hear of overload before it gives the code up as slow.
  double max_wait = 4;
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
  visit(Knob{"sandbox-spare-sessions", "sessions", "started ahead of need"}, c.spare_sessions,
        KnobRange<int32_t>{0, 1024});
  visit(Knob{"sandbox-session-idle-timeout", "s", "then a session ends; 0 is never"},
        c.session_idle_timeout, KnobRange<double>{0, 1e7});
  visit(Knob{"sandbox-max-waiting", "calls", "that wait for a session or their turn"},
        c.max_waiting, KnobRange<int32_t>{0, 1 << 20});
  visit(Knob{"sandbox-max-wait", "s", "of a call for a session or its turn, then overload"},
        c.max_wait, KnobRange<double>{0, 3600});
}

}  // namespace qed

#endif  // QED_CONFIG_SANDBOX_CONFIG_H_
