// A solve run's records as a trace.
#ifndef QED_CLI_TRACE_RECORDS_H_
#define QED_CLI_TRACE_RECORDS_H_

#include <string>

#include "cli/trace.h"
#include "solve/run_records.h"

namespace qed {

// The lengths and times of every sample, those that were cut short as they were,
// in the order in which they began. Samples that generated nothing are left out.
Trace TraceOfRun(const RunRecords& records, const std::string& name);

}  // namespace qed

#endif  // QED_CLI_TRACE_RECORDS_H_
