// What a run would have been under other rules, from its records and without a
// model: the solver itself, over a generator that plays the samples back in
// simulated time.
//
// A sample takes as long as it took in the run. That is exact where as many
// samples are at work as were then; when fewer are (at the end), a real engine
// would be faster than the replay.
#ifndef QED_SOLVE_REPLAY_H_
#define QED_SOLVE_REPLAY_H_

#include <cstdint>
#include <map>
#include <string>

#include "solve/metrics.h"
#include "solve/run_records.h"
#include "solve/solver.h"

namespace qed {

struct ReplayOptions {
  int32_t num_samples = 0;  // of each problem, the first ones; 0: all
  int32_t slots = 0;        // samples at a time; 0: as in the run
  int32_t problems_in_flight = 0;
  VoteWeighting vote_weighting = VoteWeighting::kNone;
  StopRule stop;
  TimeLimits time;
};

struct ReplayResult {
  Metrics metrics;                              // its seconds are simulated ones
  std::map<std::string, int64_t> stop_reasons;  // how many problems each ended; "" ran to the end
};

// kInvalidArgument where the options do not fit the records.
Result<ReplayResult> Replay(const RunRecords& records, const ReplayOptions& options);

// Samples that the run itself cut short: how they would have gone on is unknown,
// a replay ends them without a vote where the run did.
int64_t CountCutShort(const RunRecords& records);

}  // namespace qed

#endif  // QED_SOLVE_REPLAY_H_
