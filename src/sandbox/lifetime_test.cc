// How sandboxes begin and end: bad configurations, limits on sessions, nothing
// left behind, death with the parent, and the same tests as an ordinary user.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/clock.h"
#include "sandbox/test_support.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

size_t OpenDescriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

TEST(LifetimeTest, NamesAnInterpreterThatIsNotThere) {
  SandboxConfig config;
  config.python = "/no/such/python";
  const Status status = LocalSandbox::Create(config).status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("/no/such/python"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("--sandbox-python"), std::string::npos) << status.message();
}

TEST(LifetimeTest, NamesAnInterpreterThatIsNone) {
  SandboxConfig config;
  config.python = "/bin/true";
  const Status status = LocalSandbox::Create(config).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_NE(status.message().find("/bin/true"), std::string::npos) << status.message();
}

TEST(LifetimeTest, RefusesImpossibleLimits) {
  SandboxConfig config;
  config.memory_bytes = 1;
  EXPECT_EQ(LocalSandbox::Create(config).status().code(), StatusCode::kInvalidArgument);
  config = SandboxConfig();
  config.max_sessions = 0;
  EXPECT_EQ(LocalSandbox::Create(config).status().code(), StatusCode::kInvalidArgument);
}

TEST(LifetimeTest, CapsSessions) {
  SandboxConfig config;
  config.max_sessions = 2;
  config.max_wait = 0.01;
  Result<std::unique_ptr<LocalSandbox>> sandbox = LocalSandbox::Create(config);
  ASSERT_TRUE(sandbox.ok()) << sandbox.status().message();
  RunIn(**sandbox, "a", "1");
  RunIn(**sandbox, "b", "1");
  EXPECT_EQ((*sandbox)->Execute({"c", "1", 5, 10}).status().code(), StatusCode::kResourceExhausted);
  (*sandbox)->CloseSession("a");
  EXPECT_EQ(RunIn(**sandbox, "c", "1").out, "1\n");
}

TEST(LifetimeTest, ATmpOfNoBytesCannotBeWritten) {
  SandboxConfig config;
  config.tmp_bytes = 0;
  Result<std::unique_ptr<LocalSandbox>> sandbox = LocalSandbox::Create(config);
  ASSERT_TRUE(sandbox.ok()) << sandbox.status().message();
  EXPECT_EQ(RunIn(**sandbox, "a", "open('/tmp/x', 'w')").process_status, kError);
}

TEST(LifetimeTest, ReplacesAWarmInterpreterThatDied) {
  Result<std::unique_ptr<LocalSandbox>> sandbox = LocalSandbox::Create(SandboxConfig());
  ASSERT_TRUE(sandbox.ok()) << sandbox.status().message();
  RunIn(**sandbox, "a", "x = 1");
  for (const int pid : Descendants(::getpid())) ::kill(pid, SIGKILL);
  RunIn(**sandbox, "a", "1");
  const ExecuteResult after = RunIn(**sandbox, "b", "2");
  EXPECT_EQ(after.out, "2\n");
  EXPECT_EQ(RunIn(**sandbox, "a", "3").out, "3\n");
}

// Whoever is killed, the call ends with a clear result and the next one works.
TEST(LifetimeTest, SurvivesTheDeathOfAnyChild) {
  Result<std::unique_ptr<LocalSandbox>> sandbox = LocalSandbox::Create(SandboxConfig());
  ASSERT_TRUE(sandbox.ok()) << sandbox.status().message();
  for (size_t round = 0; round < 12; ++round) {
    SCOPED_TRACE(round);
    ExecuteRequest request;
    request.session_id = "a";
    request.generated_code = "import subprocess\nsubprocess.run(['sleep', '99'])\nprint('slept')";
    Result<ExecuteResult> result = Unavailable("not run");
    std::thread caller([&] { result = (*sandbox)->Execute(request); });
    std::vector<int> jailed;
    // The warm interpreter and its parent, the session, its child.
    for (int wait = 0; wait < 600 && jailed.size() < 4; ++wait) {
      ::usleep(20000);
      jailed = Descendants(::getpid());
    }
    EXPECT_GE(jailed.size(), 4u);
    const bool child = round % 4 == 3;
    ::kill(jailed[round % 4], SIGKILL);
    caller.join();
    ASSERT_TRUE(result.ok()) << result.status().message();
    if (child) {
      EXPECT_EQ(result->out, "slept\n");
    } else {
      EXPECT_EQ(result->err, "The interpreter ended while this code ran; its variables are lost\n");
    }
    EXPECT_EQ(RunIn(**sandbox, "a", "print(6 * 7)").out, "42\n");
  }
}

TEST(LifetimeTest, LeavesNothingBehind) {
  const size_t processes_before = Descendants(::getpid()).size();
  const size_t descriptors_before = OpenDescriptors();
  {
    Result<std::unique_ptr<LocalSandbox>> sandbox = LocalSandbox::Create(SandboxConfig());
    ASSERT_TRUE(sandbox.ok()) << sandbox.status().message();
    const size_t descriptors_idle = OpenDescriptors();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&sandbox, t] {
        for (int i = 0; i < 50; ++i) {
          const std::string id = std::to_string(t) + " " + std::to_string(i);
          EXPECT_EQ(RunIn(**sandbox, id, "print(" + std::to_string(i) + ")").out,
                    std::to_string(i) + "\n");
          (*sandbox)->CloseSession(id);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(DescendantsWithin(processes_before + kIdleProcesses, 1.0));
    EXPECT_EQ(OpenDescriptors(), descriptors_idle);
    RunIn(**sandbox, "left open", "import subprocess\nsubprocess.Popen(['sleep', '99']);");
  }
  EXPECT_TRUE(DescendantsWithin(processes_before, 1.0));
  EXPECT_EQ(OpenDescriptors(), descriptors_before);
}

// What DiesWithItsParent starts and kills.
[[noreturn]] void RunBusySandbox() {
  std::unique_ptr<LocalSandbox> sandbox;
  // Whose thread ends before the sandbox.
  std::thread creator([&] { sandbox = *LocalSandbox::Create(SandboxConfig()); });
  creator.join();
  RunIn(*sandbox, "busy", "import subprocess\nsubprocess.Popen(['sleep', '99'])\nwhile True: x = 1",
        60);
  ::_exit(0);
}

TEST(LifetimeTest, DiesWithItsParent) {
  const pid_t victim = ::fork();
  if (victim == 0) RunBusySandbox();
  std::vector<int> jailed;
  // The warm interpreter and its parent, the session, its child.
  for (int wait = 0; wait < 600 && jailed.size() < 4; ++wait) {
    ::usleep(50000);
    jailed = Descendants(victim);
  }
  ASSERT_GE(jailed.size(), 4u);
  ::kill(victim, SIGKILL);
  ::waitpid(victim, nullptr, 0);
  for (const int pid : jailed) EXPECT_TRUE(GoneWithin(pid, 1.0)) << pid;
}

// Starts a fresh copy of this test program as an ordinary user, to run some of
// its tests.
pid_t StartAsNobody(const std::string& filter) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) {
    ::_exit(126);
  }
  const std::string flag = "--gtest_filter=" + filter;
  ::execl("/proc/self/exe", "sandbox_test", flag.c_str(), "--gtest_brief=1", nullptr);
  ::_exit(127);
}

TEST(LifetimeTest, WorksForAnOrdinaryUserToo) {
  if (::geteuid() != 0) GTEST_SKIP() << "this is one";
  const pid_t user = StartAsNobody("LocalSandboxTest.Keeps*:LocalSandboxTest.Timeout*");
  int status = 0;
  ASSERT_EQ(::waitpid(user, &status, 0), user);
  if (WIFEXITED(status) && WEXITSTATUS(status) >= 126) {
    GTEST_SKIP() << "an ordinary user may not run this test program where it lies";
  }
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace qed
