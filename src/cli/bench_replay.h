// What `qed bench --replay` prints.
#ifndef QED_CLI_BENCH_REPLAY_H_
#define QED_CLI_BENCH_REPLAY_H_

#include <cstdint>
#include <string>

#include "cli/trace.h"
#include "cli/trace_replay.h"
#include "engine/engine_stats.h"

namespace qed {

// The largest number of the trace's samples that may be under way.
int32_t SamplesAtATime(const Trace& trace);

// One line of JSON. `stats` are the engine's, after the replay.
std::string TraceReportJson(const Trace& trace, const TraceReport& report,
                            const std::string& device, const EngineStats& stats);
// A table on standard output.
void PrintTraceReport(const Trace& trace, const TraceReport& report, const EngineStats& stats);

}  // namespace qed

#endif  // QED_CLI_BENCH_REPLAY_H_
