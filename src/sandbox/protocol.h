// The JSON of the sandbox's HTTP protocol, which NeMo-Skills clients speak too:
// POST /execute, its fields and its reply (server.h has the rest).
#ifndef QED_SANDBOX_PROTOCOL_H_
#define QED_SANDBOX_PROTOCOL_H_

#include <string>
#include <string_view>

#include "base/status.h"
#include "sandbox/client.h"

namespace qed {

inline constexpr char kSessionHeader[] = "X-Session-ID";

// The body of POST /execute; `session_id` is the header's value, or null.
// kInvalidArgument names the field that is missing or impossible. Fields that are
// not known are passed over: clients of other versions send them.
Result<ExecuteRequest> ParseExecuteRequest(std::string_view body, const std::string* session_id);
// Without the session's id, which travels as a header.
std::string FormatExecuteRequest(const ExecuteRequest& request);

std::string FormatExecuteResult(const ExecuteResult& result);
// Where nothing ran: {"error": why} with the fields of a reply beside it, which clients
// read whatever the HTTP status is. `why` is one line.
std::string FormatExecuteFailure(std::string_view why);
// kCorrupt: it is no reply of a sandbox.
Result<ExecuteResult> ParseExecuteResult(std::string_view body);

}  // namespace qed

#endif  // QED_SANDBOX_PROTOCOL_H_
