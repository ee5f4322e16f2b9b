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
}

CodeRunner::~CodeRunner() {
  jobs_.Close();
  for (std::thread& thread : threads_) thread.join();
}

void CodeRunner::Execute(ExecuteRequest request, Done done) {
  jobs_.Push([this, request = std::move(request), done = std::move(done)] {
    done(sandbox_.Execute(request));
  });
}

void CodeRunner::CloseSession(std::string session_id) {
  jobs_.Push([this, id = std::move(session_id)] { sandbox_.CloseSession(id); });
}

}  // namespace qed
