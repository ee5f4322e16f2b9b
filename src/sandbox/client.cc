#include "sandbox/client.h"

namespace qed {

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

}  // namespace qed
