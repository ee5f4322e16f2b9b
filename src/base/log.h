// Log lines of servers, on standard error.
#ifndef QED_BASE_LOG_H_
#define QED_BASE_LOG_H_

#include <string_view>

namespace qed {

// Writes the time (UTC, milliseconds) and `text` as one line, in one write: lines
// of several threads do not mix. Control characters come out as \xNN, so that
// no client's name can forge a line. Never waits: a standard error that nobody reads
// loses lines, and long ones are cut.
void LogLine(std::string_view text);

}  // namespace qed

#endif  // QED_BASE_LOG_H_
