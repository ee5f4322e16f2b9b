// What the sandbox's tests share.
#ifndef QED_SANDBOX_TEST_SUPPORT_H_
#define QED_SANDBOX_TEST_SUPPORT_H_

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "sandbox/local_sandbox.h"

namespace qed {

// One sandbox for all tests of the program that can share one.
inline LocalSandbox& SharedSandbox() {
  static LocalSandbox* sandbox = [] {
    Result<std::unique_ptr<LocalSandbox>> created = LocalSandbox::Create(SandboxConfig());
    QED_CHECK(created.ok()) << created.status().message();
    static std::unique_ptr<LocalSandbox> owner = *std::move(created);
    return owner.get();
  }();
  return *sandbox;
}

inline ExecuteResult RunIn(LocalSandbox& sandbox, const std::string& session,
                           const std::string& code, double timeout = 20,
                           int32_t max_characters = 1000) {
  Result<ExecuteResult> result = sandbox.Execute({session, code, timeout, max_characters});
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? *result : ExecuteResult();
}

// In a session of its own, closed again.
inline ExecuteResult RunOnce(const std::string& code, double timeout = 20) {
  ExecuteResult result = RunIn(SharedSandbox(), "once", code, timeout);
  SharedSandbox().CloseSession("once");
  return result;
}

// Processes below this one, found through /proc.
std::vector<int> Descendants(int pid);
// True if their number is `count` within `seconds`: a process that has done its
// part in starting or ending a session may take a moment to go.
bool DescendantsWithin(size_t count, double seconds);
// The warm interpreter and its parent.
constexpr size_t kIdleProcesses = 2;
// True if `pid` is gone (or a zombie) within `seconds`.
bool GoneWithin(int pid, double seconds);

constexpr auto kCompleted = ExecuteResult::ProcessStatus::kCompleted;
constexpr auto kError = ExecuteResult::ProcessStatus::kError;
constexpr auto kTimeout = ExecuteResult::ProcessStatus::kTimeout;

}  // namespace qed

#endif  // QED_SANDBOX_TEST_SUPPORT_H_
