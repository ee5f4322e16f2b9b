#include "sandbox/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "sandbox/test_support.h"
#include "tests/support/sanitizers.h"

namespace qed {
namespace {

namespace fs = std::filesystem;

constexpr GroupBounds kSmall{int64_t{32} << 20, 4};

// A child that does its part when it is told to, and ends with what that returns.
class Child {
 public:
  explicit Child(const std::function<int()>& part) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    go_.Reset(ends[1]);
    const UniqueFd wait(ends[0]);
    pid_ = ::fork();
    if (pid_ != 0) return;
    go_.Reset();
    char byte;
    ::_exit(::read(wait.get(), &byte, 1) == 1 ? part() : 99);
  }
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  int pid() const { return pid_; }
  // What waitpid says of its end.
  int Run() {
    EXPECT_EQ(::write(go_.get(), "x", 1), 1);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }

 private:
  UniqueFd go_;
  int pid_ = 0;
};

int TouchMemory(size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  std::memset(memory, 1, bytes);
  return 0;
}

std::vector<std::string> GroupsBelow(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_directory()) names.push_back(entry.path().filename());
  }
  return names;
}

// Where a process is, by a controller.
std::string GroupOf(int pid, const std::string& controller) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.find(":" + controller + ":") != line.npos) return line.substr(line.rfind(':') + 1);
  }
  return "";
}

TEST(CgroupTest, TreesAreFoundWhereTheyAreMounted) {
  const std::string mounts =
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
      "35 31 0:32 /docker/ab /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
      "39 31 0:36 / /sys/fs/cgroup/p rw - cgroup cgroup rw,cpu,pids\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  const auto trees =
      FindCgroupTrees("8:cpu,pids:/\n4:memory:/docker/ab/x\n0::/user.slice\n", mounts);
  const std::vector<CgroupTree> wanted = {{1, "/sys/fs/cgroup/memory/x", {"memory"}},
                                          {1, "/sys/fs/cgroup/p", {"pids"}},
                                          {2, "/sys/fs/cgroup/unified/user.slice", {}}};
  EXPECT_EQ(trees, wanted);
  // Outside of what is mounted, or of the namespace.
  EXPECT_TRUE(FindCgroupTrees("4:memory:/docker/other\n0::/../x\n", mounts).empty());
  EXPECT_TRUE(FindCgroupTrees("", "").empty());
  EXPECT_TRUE(FindCgroupTrees("4:memory:/\n", "x\n\n1 2 3\n").empty());
}

// Needs a tree in which this process may make groups.
class SessionGroupsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto groups = SessionGroups::Get();
    if (!groups.ok()) GTEST_SKIP() << "skipped: " << groups.status().message();
    groups_ = *groups;
  }
  void Require(const std::string& controller) {
    if (groups_ && !groups_->Bounds(controller)) {
      GTEST_SKIP() << "skipped: no group can bound " << controller << " here";
    }
  }
  std::shared_ptr<SessionGroups> groups_;
};

TEST_F(SessionGroupsTest, MemoryIsBounded) {
  Require("memory");
  if (IsSkipped()) return;
  for (const bool much : {false, true}) {
    Child child([much] { return TouchMemory(size_t{much ? 64U : 8U} << 20); });
    auto group = groups_->Add(child.pid(), kSmall);
    ASSERT_TRUE(group.ok()) << group.status().message();
    const int status = child.Run();
    EXPECT_EQ(WIFSIGNALED(status), much);
    EXPECT_EQ((*group)->RanOutOfMemory(), much);
  }
}

TEST_F(SessionGroupsTest, ProcessesAreBounded) {
  Require("pids");
  if (IsSkipped()) return;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Child child([&ends] {
    ::setpgid(0, 0);
    ::close(ends[0]);
    // Counted by who is left when all of them are killed.
    for (int i = 0; i < 50; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) ::pause();
      if (pid < 0 || ::write(ends[1], "x", 1) != 1) break;
    }
    return ::kill(0, SIGKILL);
  });
  auto group = groups_->Add(child.pid(), kSmall);
  ASSERT_TRUE(group.ok()) << group.status().message();
  child.Run();
  ::close(ends[1]);
  char started[64];
  const ssize_t count = ::read(ends[0], started, sizeof(started));
  if (kSanitized) {  // Each process may have a thread of the sanitizer's, which counts too.
    EXPECT_LE(count, kSmall.processes - 1);
  } else {
    EXPECT_EQ(count, kSmall.processes - 1);
  }
  ::close(ends[0]);
}

TEST_F(SessionGroupsTest, AGroupGoesWithWhatIsLeftInIt) {
  const std::string controller = groups_->Bounds("memory") ? "memory" : "pids";
  Child child([] { return ::pause(); });
  std::string where;
  {
    auto group = groups_->Add(child.pid(), kSmall);
    ASSERT_TRUE(group.ok()) << group.status().message();
    where = GroupOf(child.pid(), controller);
    EXPECT_NE(where.find("/qed-sandbox-" + std::to_string(::getpid()) + "-"), where.npos) << where;
  }
  EXPECT_TRUE(GoneWithin(child.pid(), 5));
}

// A tree of version 2 whose group this process may enter: the mechanics of moving, locking
// and cleaning up are the same with and without controllers.
class UnifiedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
      if (!fs::exists(std::string(root) + "/cgroup.controllers")) continue;
      own_ = std::string(root) + "/qed-test-" + std::to_string(::getpid());
      if (MakeCgroup(own_).ok()) return;
    }
    own_.clear();
    GTEST_SKIP() << "skipped: needs a cgroup of version 2 that may be written to";
  }
  void TearDown() override { EXPECT_TRUE(own_.empty() || RemoveCgroups(own_)); }
  // Runs `part` in a process that is alone in the group: 0 where all went well.
  int InGroup(const std::function<int(const CgroupTree&)>& part) {
    Child child([&] {
      if (!WriteCgroup(own_ + "/cgroup.procs", "0").ok()) return 10;
      return part({2, own_, {}});
    });
    const int status = child.Run();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
  }
  std::string own_;
};

TEST_F(UnifiedTest, TheProgramMovesAwayAndBack) {
  EXPECT_EQ(InGroup([&](const CgroupTree& tree) {
              Result<std::unique_ptr<SessionGroups>> groups = SessionGroups::Create({tree});
              if (!groups.ok()) return 11;
              if (!CgroupWords(own_ + "/cgroup.procs").empty()) return 12;
              Child child([] { return ::pause(); });
              auto group = (*groups)->Add(child.pid(), kSmall);
              if (!group.ok()) return 13;
              if (GroupOf(child.pid(), "").find("/session-0") == std::string::npos) return 14;
              group->reset();
              if (!GoneWithin(child.pid(), 5)) return 15;
              groups->reset();
              if (CgroupWords(own_ + "/cgroup.procs").size() != 1) return 16;
              return GroupsBelow(own_).empty() ? 0 : 17;
            }),
            0);
}

TEST_F(UnifiedTest, OthersInTheGroupAreAReason) {
  Child other([] { return ::pause(); });
  ASSERT_TRUE(WriteCgroup(own_ + "/cgroup.procs", std::to_string(other.pid())).ok());
  EXPECT_EQ(InGroup([](const CgroupTree& tree) {
              const auto groups = SessionGroups::Create({tree});
              const std::string& why = groups.status().message();
              return why.find("other processes are in ") == 0 ? 0 : 11;
            }),
            0);
}

TEST_F(UnifiedTest, WhatADeadProgramLeftIsRemovedAndOfALivingOneNothing) {
  Child session([] { return ::pause(); });
  EXPECT_EQ(InGroup([&](const CgroupTree& tree) {
              auto groups = SessionGroups::Create({tree});
              if (!groups.ok()) return 11;
              auto group = (*groups)->Add(session.pid(), kSmall);
              if (!group.ok()) return 12;
              (void)group->release();  // as a program that is killed
              (void)groups->release();
              return 0;
            }),
            0);
  EXPECT_EQ(GroupsBelow(own_).size(), 2u);
  ASSERT_TRUE(MakeCgroup(own_ + "/qed-sandbox-1-1").ok());
  const UniqueFd lock(::open((own_ + "/qed-sandbox-1-1").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  EXPECT_EQ(
      InGroup([](const CgroupTree& tree) { return SessionGroups::Create({tree}).ok() ? 0 : 11; }),
      0);
  EXPECT_TRUE(GoneWithin(session.pid(), 5));
  EXPECT_EQ(GroupsBelow(own_), std::vector<std::string>{"qed-sandbox-1-1"});
}

// The sandbox's own sessions.
TEST_F(SessionGroupsTest, EverySessionHasOne) {
  groups_.reset();
  LocalSandbox& sandbox = SharedSandbox();
  EXPECT_EQ(RunIn(sandbox, "in a group", "x = 1").process_status, kCompleted);
  int in_groups = 0;
  for (const int pid : Descendants(::getpid())) {
    in_groups += GroupOf(pid, "memory").find("/qed-sandbox-") != std::string::npos ||
                 GroupOf(pid, "pids").find("/qed-sandbox-") != std::string::npos;
  }
  EXPECT_EQ(in_groups, 1);
  sandbox.CloseSession("in a group");
}

}  // namespace
}  // namespace qed
