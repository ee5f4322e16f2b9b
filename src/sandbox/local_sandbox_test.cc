#include "sandbox/local_sandbox.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(LocalSandboxTest, Runs) {
  Result<std::unique_ptr<LocalSandbox>> sandbox = LocalSandbox::Create(SandboxConfig());
  ASSERT_TRUE(sandbox.ok()) << sandbox.status().message();
  ExecuteRequest r;
  r.session_id = "a";
  for (const char* code :
       {"print(1)", "x = 3\nx+1", "1/0", "print('a", "x", "while True: pass", "x",
        "while True:\n  try:\n    while True: pass\n  except KeyboardInterrupt: pass", "x",
        "import os\nos.listdir('/'), os.listdir('/dev'), os.listdir('/tmp'), os.getpid(), "
        "os.getuid()"}) {
    r.generated_code = code;
    r.timeout = 1;
    auto res = (*sandbox)->Execute(r);
    if (!res.ok()) {
      printf("ERR %s\n", res.status().message().c_str());
      continue;
    }
    printf("--- %s\n%s [%s] err[%s] new %d %.4f\n", code, ProcessStatusName(res->process_status),
           res->out.c_str(), res->err.c_str(), res->new_session_created, res->seconds);
  }
}

}  // namespace
}  // namespace qed
