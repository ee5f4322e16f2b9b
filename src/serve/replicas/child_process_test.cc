#include "serve/replicas/child_process.h"

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using namespace std::chrono_literals;

// What a shell's script did, as its events told.
class Script {
 public:
  explicit Script(const std::string& text)
      : process_({.program = "/bin/sh",
                  .words = {"sh", "-c", text},
                  .environment = {"GREETING=hello", "PATH=/usr/bin:/bin"}},
                 MakeEvents()) {}

  // Fails the test after 20 s.
  ChildProcess::Exit WaitForExit() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 20s, [this] { return exit_.has_value(); }));
    return exit_.value_or(ChildProcess::Exit());
  }
  std::string WaitForOutput() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 20s, [this] { return !output_.empty(); }));
    return output_.empty() ? "" : output_.front();
  }
  const std::vector<std::string>& output() const { return output_; }  // after WaitForExit
  const std::vector<std::string>& errors() const { return errors_; }
  ChildProcess& process() { return process_; }

 private:
  ChildProcess::Events MakeEvents() {
    return {
        .on_output = [this](const std::string& line) { Keep([&] { output_.push_back(line); }); },
        .on_error = [this](const std::string& line) { Keep([&] { errors_.push_back(line); }); },
        .on_exit = [this](const ChildProcess::Exit& exit) { Keep([&] { exit_ = exit; }); }};
  }
  void Keep(const std::function<void()>& keep) {
    const std::lock_guard lock(mutex_);
    keep();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> output_, errors_;
  std::optional<ChildProcess::Exit> exit_;
  ChildProcess process_;
};

TEST(ChildProcessTest, TellsLinesAndTheEnd) {
  Script script("echo $GREETING; echo two >&2; printf three; exit 7");
  const ChildProcess::Exit exit = script.WaitForExit();
  EXPECT_EQ(exit.code, 7);
  EXPECT_EQ(exit.how, "has ended with exit code 7");
  EXPECT_EQ(script.output(), (std::vector<std::string>{"hello", "three"}));
  EXPECT_EQ(script.errors(), std::vector<std::string>{"two"});
  EXPECT_EQ(script.process().pid(), 0);
  script.process().Signal(SIGKILL);  // nobody
}

TEST(ChildProcessTest, SignalsArrive) {
  Script script("trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
  EXPECT_EQ(script.WaitForOutput(), "ready");
  script.process().Signal(SIGTERM);
  EXPECT_EQ(script.WaitForExit().code, 3);
  EXPECT_EQ(script.output().back(), "asked");

  Script stubborn("trap '' TERM; echo ready; while :; do sleep 0.05; done");
  EXPECT_EQ(stubborn.WaitForOutput(), "ready");
  stubborn.process().Signal(SIGTERM);
  stubborn.process().Signal(SIGKILL);
  EXPECT_EQ(stubborn.WaitForExit().how, "was ended by signal 9");
}

// Whom a process leaves behind may hold its pipes: nobody waits for those.
TEST(ChildProcessTest, TheEndIsTheProcessesOwn) {
  const auto start = std::chrono::steady_clock::now();
  Script script("sleep 30 & echo $!");
  EXPECT_EQ(script.WaitForExit().code, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 15s);
  ::kill(std::stoi(script.output().front()), SIGKILL);
}

TEST(ChildProcessTest, ADestructorEndsIt) {
  pid_t pid = 0;
  {
    Script script("echo $$; exec sleep 60");
    pid = std::stoi(script.WaitForOutput());
    EXPECT_EQ(script.process().pid(), pid);
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

// A socket that went along would stay open when we close it.
TEST(ChildProcessTest, HasNoneOfOurDescriptors) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Script script("exec ls -l /proc/self/fd");
  EXPECT_EQ(script.WaitForExit().code, 0);
  for (const int end : ends) ::close(end);
  std::string listed;
  for (const std::string& line : script.output()) listed += line + "\n";
  EXPECT_THAT(listed, testing::HasSubstr("0 -> /dev/null\n"));
  EXPECT_THAT(listed, testing::HasSubstr("2 -> pipe:"));
  EXPECT_THAT(listed, testing::Not(testing::HasSubstr("socket:")));
}

TEST(ChildProcessTest, WhatCannotBeStartedHasEnded) {
  std::optional<ChildProcess::Exit> exit;
  {
    const auto nothing = [](const std::string&) {};
    std::mutex mutex;
    std::condition_variable done;
    ChildProcess process({.program = "/no/such/program", .words = {"x"}, .environment = {}},
                         {nothing, nothing, [&](const ChildProcess::Exit& e) {
                            const std::lock_guard lock(mutex);
                            exit = e;
                            done.notify_all();
                          }});
    std::unique_lock lock(mutex);
    ASSERT_TRUE(done.wait_for(lock, 20s, [&] { return exit.has_value(); }));
  }
  EXPECT_EQ(exit->code, 127);
}

}  // namespace
}  // namespace qed
