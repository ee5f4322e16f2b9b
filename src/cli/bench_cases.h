// What `qed bench` measures: decode and prefill through the whole engine, each
// beside what the machine's memory and arithmetic allow at best.
#ifndef QED_CLI_BENCH_CASES_H_
#define QED_CLI_BENCH_CASES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/model_session.h"
#include "kernels/roof.h"

namespace qed {

struct BenchCases {
  std::vector<int32_t> sequences = {1, 4, 8, 16, 32};  // decoded at once; a case each
  int32_t prompt_tokens = 128;                         // of a decoded sequence
  int32_t new_tokens = 64;                             // of a decoded sequence
  std::vector<int32_t> prefill_tokens = {512};         // of a prompt; a case each
  int32_t repeat = 3;                                  // the median counts
};

// One measured case and what it is measured against.
struct BenchRow {
  std::string name;     // "decode" or "prefill"
  int32_t batch = 1;    // sequences
  int32_t context = 0;  // tokens in the cache, on average
  double tokens_per_s = 0;
  double step_ms = 0;
  double memory_ms = 0;      // of a step, if only reading were slow
  double arithmetic_ms = 0;  // if only arithmetic were; 0: not known
  double wait_us = 0;        // of a decode step, in which the device waits for the host
  double host_us = 0;        // the host's own work for it: planning, launching, taking tokens in
  double tokens_a_step = 1;  // of each sequence; more than 1 where drafts were right

  double FloorMs() const { return memory_ms > arithmetic_ms ? memory_ms : arithmetic_ms; }
};

// What reading and arithmetic reach on the session's device, where nothing else
// runs. Zeros: not measured there.
Result<Roof> MeasureRoofFor(ModelSession& session);

// Prompts are random tokens, none of them like another. The session must have
// nothing else to do.
Result<std::vector<BenchRow>> RunBenchCases(ModelSession& session, const BenchCases& cases,
                                            const Roof& roof);

}  // namespace qed

#endif  // QED_CLI_BENCH_CASES_H_
