#include "sandbox/session_pool.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "gtest/gtest.h"
#include "sandbox/test_support.h"

namespace qed {
namespace {

std::unique_ptr<LocalSandbox> MakeSandbox(const SandboxConfig& config,
                                          const Clock& clock = Clock::Real()) {
  Result<std::unique_ptr<LocalSandbox>> sandbox = LocalSandbox::Create(config, clock);
  QED_CHECK(sandbox.ok()) << sandbox.status().message();
  return *std::move(sandbox);
}

std::vector<std::string> Ids(LocalSandbox& sandbox) {
  std::vector<std::string> ids;
  for (const SessionInfo& info : sandbox.pool().List()) ids.push_back(info.id);
  return ids;
}

TEST(SessionPoolTest, IdleSessionsExpire) {
  SandboxConfig config;
  config.session_idle_timeout = 60;
  FakeClock clock;
  const auto sandbox = MakeSandbox(config, clock);
  RunIn(*sandbox, "a", "x = 1");
  clock.Advance(std::chrono::seconds(40));
  RunIn(*sandbox, "b", "x = 1");
  sandbox->pool().ExpireIdle();
  EXPECT_EQ(Ids(*sandbox), (std::vector<std::string>{"a", "b"}));
  clock.Advance(std::chrono::seconds(40));
  sandbox->pool().ExpireIdle();
  EXPECT_EQ(Ids(*sandbox), std::vector<std::string>{"b"});
  const ExecuteResult result = RunIn(*sandbox, "a", "print('x' in globals())");
  EXPECT_EQ(result.out, "False\n");
  EXPECT_TRUE(result.new_session_created);
}

TEST(SessionPoolTest, ARunningSessionIsNotIdle) {
  SandboxConfig config;
  config.session_idle_timeout = 60;
  FakeClock clock;
  const auto sandbox = MakeSandbox(config, clock);
  std::thread cell([&] {
    EXPECT_EQ(RunIn(*sandbox, "a", "print(input())\nimport time; time.sleep(0.3)").process_status,
              kError);  // no input: an EOFError, in good time
    EXPECT_EQ(RunIn(*sandbox, "a", "import time; time.sleep(0.3)\n7").out, "7\n");
  });
  while (cell.joinable() && sandbox->pool().size() == 0) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) {
    sandbox->pool().ExpireIdle();
    std::this_thread::yield();
  }
  cell.join();
  clock.Advance(std::chrono::seconds(1000));
  sandbox->pool().ExpireIdle();
  EXPECT_EQ(sandbox->pool().size(), 0u);
}

TEST(SessionPoolTest, ZeroMeansNever) {
  SandboxConfig config;
  config.session_idle_timeout = 0;
  FakeClock clock;
  const auto sandbox = MakeSandbox(config, clock);
  RunIn(*sandbox, "a", "x = 1");
  clock.Advance(ToDuration(1e8));
  sandbox->pool().ExpireIdle();
  EXPECT_EQ(RunIn(*sandbox, "a", "x").out, "1\n");
}

TEST(SessionPoolTest, ANewSessionWaitsForRoom) {
  SandboxConfig config;
  config.max_sessions = 1;
  config.max_wait = 60;
  const auto sandbox = MakeSandbox(config);
  RunIn(*sandbox, "a", "1");
  std::atomic<bool> ran{false};
  std::thread waiting([&] {
    // The wait is none of the code's time.
    EXPECT_EQ(RunIn(*sandbox, "b", "print(2)", /*timeout=*/5).out, "2\n");
    ran = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(ran);
  sandbox->CloseSession("a");
  waiting.join();
  EXPECT_EQ(Ids(*sandbox), std::vector<std::string>{"b"});
}

TEST(SessionPoolTest, TheLongestIdleMakesRoomForWhoReserves) {
  SandboxConfig config;
  config.max_sessions = 2;
  FakeClock clock;
  const auto sandbox = MakeSandbox(config, clock);
  for (const char* id : {"a", "b", "a"}) {
    RunIn(*sandbox, id, "x = 1");
    clock.Advance(std::chrono::seconds(1));
  }
  EXPECT_TRUE(sandbox->pool().TryReserve("c"));
  EXPECT_EQ(Ids(*sandbox), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(sandbox->pool().evicted(), 1);
  // Nobody makes room before the cell came for which there was room to be.
  EXPECT_TRUE(sandbox->pool().TryReserve("d"));
  EXPECT_EQ(Ids(*sandbox), (std::vector<std::string>{"c", "d"}));
  EXPECT_FALSE(sandbox->pool().TryReserve("e"));
  using Room = SessionPool::Room;
  EXPECT_EQ(sandbox->pool().Execute({"c", "6 * 7"}, Room::kReserved)->out, "42\n");
  EXPECT_TRUE(sandbox->pool().Close("d"));
  EXPECT_EQ(sandbox->pool().Execute({"d", "1"}, Room::kReserved).status().code(),
            StatusCode::kCancelled);
  EXPECT_TRUE(RunIn(*sandbox, "a", "print('x' in globals())").new_session_created);
}

TEST(SessionPoolTest, SessionsThatNobodyDeletesMakeRoom) {
  SandboxConfig config;
  config.max_sessions = 4;
  config.spare_sessions = 2;
  const auto sandbox = MakeSandbox(config);
  for (int i = 0; i < 40; ++i) {
    const std::string id = std::to_string(i);
    ASSERT_TRUE(sandbox->pool().TryReserve(id)) << i;
    ASSERT_EQ(sandbox->pool().Execute({id, id}, SessionPool::Room::kReserved)->out, id + "\n");
  }
  EXPECT_LE(sandbox->pool().size(), 4u);
  EXPECT_EQ(sandbox->pool().evicted(), 36);
}

TEST(SessionPoolTest, ASessionThatMovesBetweenCellsEnds) {
  const std::vector<int> others = Descendants(::getpid());
  const auto sandbox = MakeSandbox(SandboxConfig());
  const std::vector<int> warm = Descendants(::getpid());
  RunIn(*sandbox, "a", "x = 1");
  RunIn(*sandbox, "b", "x = 1");
  int moved = 0;
  for (const int pid : Descendants(::getpid())) {
    if (std::find(warm.begin(), warm.end(), pid) == warm.end() && moved++ == 0) {
      ::kill(pid, SIGCONT);
    }
  }
  ASSERT_EQ(moved, 2);
  ::usleep(50'000);
  sandbox->pool().ExpireIdle();
  EXPECT_EQ(sandbox->pool().size(), 1u);
  for (const int pid : Descendants(::getpid())) {
    if (std::find(warm.begin(), warm.end(), pid) == warm.end()) ::kill(pid, SIGCONT);
  }
  ::usleep(50'000);
  for (const char* id : {"a", "b"}) EXPECT_TRUE(RunIn(*sandbox, id, "1").new_session_created);
}

TEST(SessionPoolTest, WaitsAreBoundedInTimeAndNumber) {
  SandboxConfig config;
  config.max_sessions = 1;
  config.max_wait = 0.05;
  const auto sandbox = MakeSandbox(config);
  RunIn(*sandbox, "a", "1");
  const Result<ExecuteResult> late = sandbox->Execute({"b", "1"});
  EXPECT_EQ(late.status().code(), StatusCode::kResourceExhausted);
  EXPECT_NE(late.status().message().find("--sandbox-max-sessions"), std::string::npos);

  config.max_wait = 60;
  config.max_waiting = 0;
  const auto strict = MakeSandbox(config);
  RunIn(*strict, "a", "1");
  EXPECT_EQ(strict->Execute({"b", "1"}).status().code(), StatusCode::kResourceExhausted);
}

TEST(SessionPoolTest, ManyWaitForFewAndAllAreServed) {
  SandboxConfig config;
  config.max_sessions = 2;
  config.max_wait = 60;
  const auto sandbox = MakeSandbox(config);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&, i] {
      const std::string id = std::to_string(i);
      right += RunIn(*sandbox, id, "x = " + id + "\nx").out == id + "\n";
      sandbox->CloseSession(id);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 12);
  EXPECT_EQ(sandbox->pool().size(), 0u);
}

TEST(SessionPoolTest, SpareSessionsAreUsedAndReplaced) {
  SandboxConfig config;
  config.spare_sessions = 2;
  const std::vector<int> others = Descendants(::getpid());  // of tests before this one
  const auto sandbox = MakeSandbox(config);
  ASSERT_TRUE(DescendantsWithin(others.size() + kIdleProcesses + 2, 20));
  // Seeded by their id as if they had been started for it.
  const std::string draw = "import random; print(random.random())";
  const std::string first = RunIn(*sandbox, "seed", draw).out;
  sandbox->CloseSession("seed");
  EXPECT_EQ(RunIn(*sandbox, "seed", draw).out, first);
  ASSERT_TRUE(DescendantsWithin(others.size() + kIdleProcesses + 3, 20));
  // Spare ones that were lost are not handed out.
  for (const int pid : Descendants(::getpid())) {
    if (std::find(others.begin(), others.end(), pid) != others.end()) continue;
    ::kill(pid, SIGKILL);
    EXPECT_TRUE(GoneWithin(pid, 20));
  }
  EXPECT_EQ(RunIn(*sandbox, "other", "6 * 7").out, "42\n");
}

TEST(SessionPoolTest, AScriptLeavesNoSession) {
  const auto sandbox = MakeSandbox(SandboxConfig());
  ExecuteRequest script{"script", "print(1)"};
  script.language = CodeLanguage::kPython;
  const Result<ExecuteResult> result = sandbox->Execute(script);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->out, "1\n");
  EXPECT_FALSE(result->new_session_created);
  EXPECT_EQ(sandbox->pool().size(), 0u);
}

TEST(SessionPoolTest, ListsWhatIsThere) {
  const auto sandbox = MakeSandbox(SandboxConfig());
  RunIn(*sandbox, "a", "1");
  std::vector<SessionInfo> list = sandbox->pool().List();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_TRUE(list[0].alive);
  EXPECT_STREQ(list[0].backend, "ipython");
  EXPECT_LE(list[0].created, list[0].last_used);
  EXPECT_TRUE(sandbox->pool().Close("a"));
  EXPECT_FALSE(sandbox->pool().Close("a"));
}

}  // namespace
}  // namespace qed
