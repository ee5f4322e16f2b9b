// The records of a run, read back for replaying and reporting.
#ifndef QED_SOLVE_RUN_RECORDS_H_
#define QED_SOLVE_RUN_RECORDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "solve/problem.h"
#include "solve/sample.h"

namespace qed {

struct RunRecords {
  // In the order in which they were begun. Records do not hold the problems'
  // lines: a problem is its id and, where a sample got it right, its expected
  // answer. Where the answer is known and nobody got it, expected_answer is
  // kNeverGiven, which no sample gave.
  static constexpr const char* kNeverGiven = "(an answer that no sample gave)";
  std::vector<Problem> problems;
  std::vector<std::vector<Sample>> samples;  // [problem][index]; all problems have as many

  int32_t num_samples() const {
    return samples.empty() ? 0 : static_cast<int32_t>(samples.front().size());
  }
};

// `path` is a run's folder or its samples.jsonl. Errors name the file and the
// line; a run with samples missing is one, saying how to finish it.
Result<RunRecords> ReadRunRecords(const std::string& path);

// How many samples were at work at a time, at most: the slots of the run.
int32_t MostAtATime(const RunRecords& records);

}  // namespace qed

#endif  // QED_SOLVE_RUN_RECORDS_H_
