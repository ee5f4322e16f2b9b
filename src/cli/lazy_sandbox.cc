#include "cli/lazy_sandbox.h"

namespace qed {

Result<ExecuteResult> LazySandbox::Execute(const ExecuteRequest& request) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (start_ != nullptr) {
      Result<std::unique_ptr<SandboxClient>> started = std::exchange(start_, nullptr)();
      if (started.ok()) {
        sandbox_ = *std::move(started);
      } else {
        error_ = started.status();
      }
    }
    if (sandbox_ == nullptr) return error_;
  }
  return sandbox_->Execute(request);
}

void LazySandbox::CloseSession(const std::string& session_id) {
  SandboxClient* sandbox = nullptr;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    sandbox = sandbox_.get();
  }
  if (sandbox != nullptr) sandbox->CloseSession(session_id);
}

}  // namespace qed
