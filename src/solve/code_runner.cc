#include "solve/code_runner.h"

#include <utility>

#include "base/check.h"

namespace qed {

CodeRunner::CodeRunner(SandboxClient& sandbox, int32_t threads) : sandbox_(sandbox) {
  QED_CHECK_GE(threads, 1);
  for (int32_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] {
      while (std::optional<std::function<void()>> job = jobs_.Pop()) (*job)();
    });
  }
  // On a thread of its own: all others may be waiting for programs.
  threads_.emplace_back([this] {
    while (std::optional<std::string> session = closings_.Pop()) sandbox_.CloseSession(*session);
  });
}

CodeRunner::~CodeRunner() {
  jobs_.Close();
  closings_.Close();
  for (std::thread& thread : threads_) thread.join();
}

void CodeRunner::Execute(ExecuteRequest request, Done done) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_.insert(request.session_id);
  }
  jobs_.Push([this, request = std::move(request), done = std::move(done)] {
    if (TakeWaiting(request.session_id)) {
      done(sandbox_.Execute(request));
    } else {
      done(Cancelled("the session was closed"));
    }
  });
}

bool CodeRunner::TakeWaiting(const std::string& session_id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return waiting_.erase(session_id) > 0;
}

void CodeRunner::CloseSession(std::string session_id) {
  TakeWaiting(session_id);
  closings_.Push(std::move(session_id));
}

}  // namespace qed
