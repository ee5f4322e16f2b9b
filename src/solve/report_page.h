// A run as one HTML page that needs nothing beside it: no script, no network.
#ifndef QED_SOLVE_REPORT_PAGE_H_
#define QED_SOLVE_REPORT_PAGE_H_

#include <string>

#include "solve/run_records.h"

namespace qed {

// Accuracy against samples, tokens and time per problem, votes per problem,
// programs, stop reasons. `title` and everything out of the records is escaped.
std::string ReportPage(const RunRecords& records, const std::string& title);

}  // namespace qed

#endif  // QED_SOLVE_REPORT_PAGE_H_
