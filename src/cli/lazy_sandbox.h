// A sandbox that starts when it is first needed.
#ifndef QED_CLI_LAZY_SANDBOX_H_
#define QED_CLI_LAZY_SANDBOX_H_

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "sandbox/client.h"

namespace qed {

// Thread-safe. Calls fail with `start`'s error where that failed; it is tried once.
class LazySandbox : public SandboxClient {
 public:
  using Start = std::function<Result<std::unique_ptr<SandboxClient>>()>;

  explicit LazySandbox(Start start) : start_(std::move(start)) {}

  Result<ExecuteResult> Execute(const ExecuteRequest& request) override;
  void CloseSession(const std::string& session_id) override;

 private:
  std::mutex mutex_;
  Start start_;  // null once it was called
  Status error_;
  std::unique_ptr<SandboxClient> sandbox_;  // null before the start and where it failed
};

}  // namespace qed

#endif  // QED_CLI_LAZY_SANDBOX_H_
