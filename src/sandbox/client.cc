#include "sandbox/client.h"

namespace qed {
namespace {

constexpr size_t kMaxSessionId = 256;
constexpr size_t kMaxSourceBytes = size_t{1} << 20;
constexpr size_t kMaxInputBytes = size_t{8} << 20;
constexpr double kMaxTimeout = 1e6;
constexpr int32_t kMaxOutputCharacters = 1 << 24;

}  // namespace

const char* ProcessStatusName(ExecuteResult::ProcessStatus status) {
  switch (status) {
    case ExecuteResult::ProcessStatus::kCompleted:
      return "completed";
    case ExecuteResult::ProcessStatus::kError:
      return "error";
    case ExecuteResult::ProcessStatus::kTimeout:
      return "timeout";
  }
  return "error";
}

Status CheckExecuteRequest(const ExecuteRequest& request) {
  if (request.session_id.empty() || request.session_id.size() > kMaxSessionId) {
    return InvalidArgument("session_id must have from 1 to 256 characters");
  }
  if (request.generated_code.size() > kMaxSourceBytes) {
    return InvalidArgument("generated_code is longer than 1 MiB");
  }
  if (request.std_input.size() > kMaxInputBytes) {
    return InvalidArgument("std_input is longer than 8 MiB");
  }
  if (!(request.timeout > 0 && request.timeout <= kMaxTimeout)) {
    return InvalidArgument("timeout must be more than 0 and at most 1e6 seconds");
  }
  if (request.max_output_characters < 0 || request.max_output_characters > kMaxOutputCharacters) {
    return InvalidArgument("max_output_characters must be from 0 to 16777216");
  }
  return OkStatus();
}

}  // namespace qed
