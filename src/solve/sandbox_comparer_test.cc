#include "solve/sandbox_comparer.h"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>

#include "base/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "solve/equality_program.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using enum Verdict;
using ProcessStatus = ExecuteResult::ProcessStatus;

// Answers calls in turn with what it was given; sets a session up by itself.
class ComparingSandbox : public SandboxClient {
 public:
  Result<ExecuteResult> Execute(const ExecuteRequest& request) override {
    const std::lock_guard<std::mutex> lock(mutex);
    EXPECT_TRUE(CheckExecuteRequest(request).ok());
    EXPECT_EQ(request.language, CodeLanguage::kIPython);
    sessions.insert(request.session_id);
    if (request.generated_code == EqualitySetup()) {
      ++setups;
      ExecuteResult result;
      result.new_session_created = true;
      return result;
    }
    requests.push_back(request);
    if (replies.empty()) return IoError("it is gone");
    const ExecuteResult reply = replies.front();
    replies.pop_front();
    return reply;
  }
  void CloseSession(const std::string&) override { ++closed; }

  void Reply(const std::string& out, ProcessStatus status = ProcessStatus::kCompleted) {
    ExecuteResult result;
    result.out = out;
    result.process_status = status;
    replies.push_back(result);
  }
  void LoseSession() {
    Reply("KeyError", ProcessStatus::kError);
    replies.back().new_session_created = true;
  }
  // What the call asked of its first request, as text.
  std::vector<std::string> OthersOf(size_t call) {
    std::vector<std::string> others;
    const auto input = *ParseJson(requests.at(call).std_input);
    for (const auto& other : input.at("requests").at(0).at("others")) {
      others.push_back(other.at(0).get<std::string>());
    }
    return others;
  }

  std::mutex mutex;
  std::set<std::string> sessions;
  int setups = 0;
  std::atomic<int> closed = 0;
  std::vector<ExecuteRequest> requests;  // but for those that set up
  std::deque<ExecuteResult> replies;
};

ComparisonRequest Request(const std::vector<std::string>& others,
                          const std::string& answer = "answer\n\"") {
  ComparisonRequest request;
  request.answer = answer;
  for (const std::string& other : others) request.others.push_back({other, other == "expected"});
  return request;
}

AnswerComparer::Verdicts Ask(SandboxComparer& comparer, const ComparisonRequest& request) {
  std::promise<AnswerComparer::Verdicts> verdicts;
  comparer.Compare(request,
                   [&](AnswerComparer::Verdicts found) { verdicts.set_value(std::move(found)); });
  return verdicts.get_future().get();
}

AnswerComparer::Verdicts Compare(SandboxClient& sandbox, const std::vector<std::string>& others) {
  SandboxComparer comparer(sandbox);
  return Ask(comparer, Request(others));
}

TEST(SandboxComparer, SendsAnswersAsDataToASessionOfItsOwn) {
  ComparingSandbox sandbox;
  sandbox.Reply("0 different\n0 equal\n");
  EXPECT_THAT(Compare(sandbox, {"a", "b", "c"}), ElementsAre(kDifferent, kEqual));
  ASSERT_THAT(sandbox.requests, SizeIs(1));
  const ExecuteRequest& request = sandbox.requests[0];
  const auto input = *ParseJson(request.std_input);
  EXPECT_EQ(input.at("requests").at(0).at("answer"), "answer\n\"");
  EXPECT_EQ(input.at("limit"), 1.0);
  EXPECT_THAT(sandbox.OthersOf(0), ElementsAre("a", "b", "c"));
  EXPECT_THAT(request.generated_code, Not(HasSubstr("answer\\n")));
  EXPECT_EQ(sandbox.closed, 1);
}

TEST(SandboxComparer, CompilesItsProgramOnce) {
  ComparingSandbox sandbox;
  SandboxComparer comparer(sandbox);
  for (const char* answer : {"1+1", "2+2", "3+3"}) {
    sandbox.Reply("0 different\n");
    EXPECT_THAT(Ask(comparer, Request({"a"}, answer)), ElementsAre(kDifferent));
  }
  EXPECT_EQ(sandbox.setups, 1);
  EXPECT_THAT(sandbox.requests, SizeIs(3));
  EXPECT_THAT(sandbox.sessions, SizeIs(1));
  sandbox.LoseSession();
  sandbox.Reply("0 equal\n");
  EXPECT_THAT(Ask(comparer, Request({"a"}, "4+4")), ElementsAre(kEqual));
  EXPECT_EQ(sandbox.setups, 2);
}

TEST(SandboxComparer, RemembersVerdicts) {
  ComparingSandbox sandbox;
  SandboxComparer comparer(sandbox);
  sandbox.Reply("0 different\n0 unreadable\n0 equal\n");
  EXPECT_THAT(Ask(comparer, Request({"a", "b", "c"})),
              ElementsAre(kDifferent, kUnreadable, kEqual));
  EXPECT_THAT(Ask(comparer, Request({"b", "a", "c", "d"})),
              ElementsAre(kUnreadable, kDifferent, kEqual));
  EXPECT_THAT(sandbox.requests, SizeIs(1));
  sandbox.Reply("0 different\n");
  EXPECT_THAT(Ask(comparer, Request({"a", "d"})), ElementsAre(kDifferent, kDifferent));
  EXPECT_THAT(sandbox.OthersOf(1), ElementsAre("d"));
}

TEST(SandboxComparer, GoesOnBehindTheExpectedAnswer) {
  ComparingSandbox sandbox;
  sandbox.Reply("0 equal\n0 different\n0 equal\n");
  EXPECT_THAT(Compare(sandbox, {"expected", "a", "b", "c"}),
              ElementsAre(kEqual, kDifferent, kEqual));
  const auto input = *ParseJson(sandbox.requests[0].std_input);
  EXPECT_EQ(input.at("requests").at(0).at("others").at(0).at(1), true);
  EXPECT_EQ(input.at("requests").at(0).at("others").at(1).at(1), false);
}

TEST(SandboxComparer, WhatIsCutOffIsAskedAgainWithMoreTimeAndSaysSo) {
  ComparingSandbox sandbox;
  sandbox.Reply("0 timeout\n0 different\n0 timeout\n");
  sandbox.Reply("0 different\n0 timeout\n");
  EXPECT_THAT(Compare(sandbox, {"a", "b", "c"}),
              ElementsAre(Judgement(kDifferent, true), kDifferent, Judgement(kTimeout, true)));
  EXPECT_THAT(sandbox.OthersOf(1), ElementsAre("a", "c"));
  EXPECT_EQ(ParseJson(sandbox.requests[1].std_input)->at("limit"), 10.0);
  EXPECT_EQ(sandbox.setups, 1);
}

TEST(SandboxComparer, WhatIsPlacedIsNotAskedAgain) {
  ComparingSandbox sandbox;
  sandbox.Reply("0 timeout\n0 equal\n");
  EXPECT_THAT(Compare(sandbox, {"a", "b"}), ElementsAre(kTimeout, kEqual));
  EXPECT_THAT(sandbox.requests, SizeIs(1));
}

TEST(SandboxComparer, ACallThatIsCutOffGoesOnInANewSession) {
  ComparingSandbox sandbox;
  sandbox.Reply("0 different\nTimeoutError: equal\n", ProcessStatus::kTimeout);
  sandbox.Reply("0 unreadable\n0 equal\n");
  EXPECT_THAT(Compare(sandbox, {"a", "b", "c", "d"}),
              ElementsAre(kDifferent, kTimeout, kUnreadable, kEqual));
  EXPECT_THAT(sandbox.OthersOf(1), ElementsAre("c", "d"));
  EXPECT_EQ(sandbox.setups, 2);
}

TEST(SandboxComparer, ADeathOfTheProgramAndAFailureAreRecorded) {
  ComparingSandbox sandbox;
  sandbox.Reply("MemoryError\n", ProcessStatus::kError);  // then the sandbox is gone
  EXPECT_THAT(Compare(sandbox, {"a", "b", "c"}), ElementsAre(kFailed, kFailed));
}

TEST(SandboxComparer, AProgramThatDiesAgainAndAgainIsGivenUp) {
  ComparingSandbox sandbox;
  for (int i = 0; i < 10; ++i) sandbox.Reply("", ProcessStatus::kError);
  EXPECT_THAT(Compare(sandbox, {"a", "b", "c", "d", "e"}), ElementsAre(kFailed, kFailed, kFailed));
}

TEST(SandboxComparer, LinesThatAreNoVerdictsAreNotTakenForSome) {
  for (const char* out : {"", "equal\n", "7 equal\n", "-1 equal\n", "0 Equal\n", "00000 equal\n",
                          "x equal\n", " equal\n"}) {
    ComparingSandbox sandbox;
    sandbox.Reply(out);
    EXPECT_THAT(Compare(sandbox, {"a"}), ElementsAre(kFailed)) << out;
  }
}

// Holds every call back until it is let go.
class GatedSandbox : public ComparingSandbox {
 public:
  Result<ExecuteResult> Execute(const ExecuteRequest& request) override {
    if (request.generated_code == EqualitySetup()) {
      began.set_value();
      gate.get_future().wait();
    }
    return ComparingSandbox::Execute(request);
  }
  std::promise<void> began, gate;
};

TEST(SandboxComparer, AsksInOneCallForAllThatWaits) {
  GatedSandbox sandbox;
  SandboxComparer comparer(sandbox);
  std::promise<void> all;
  std::atomic<int> left = 4;
  const auto done = [&](AnswerComparer::Verdicts verdicts) {
    EXPECT_THAT(verdicts, ElementsAre(kDifferent));
    if (--left == 0) all.set_value();
  };
  sandbox.Reply("0 different\n");
  sandbox.Reply("0 different\n1 different\n2 different\n");
  comparer.Compare(Request({"a"}, "0"), done);
  sandbox.began.get_future().wait();  // the first is on its way
  for (const char* answer : {"1", "2", "3"}) comparer.Compare(Request({"a"}, answer), done);
  sandbox.gate.set_value();
  all.get_future().wait();
  EXPECT_THAT(sandbox.requests, SizeIs(2));
}

// A sandbox whose calls end only when their session is closed.
class HangingSandbox : public SandboxClient {
 public:
  Result<ExecuteResult> Execute(const ExecuteRequest&) override {
    began.set_value();
    closed.get_future().wait();
    return Cancelled("closed");
  }
  void CloseSession(const std::string&) override { closed.set_value(); }

  std::promise<void> began, closed;
};

TEST(SandboxComparer, StopEndsWhatRunsAndNothingIsToldAfterIt) {
  HangingSandbox sandbox;
  bool told = false;
  SandboxComparer comparer(sandbox);
  comparer.Compare(Request({"b"}, "a"), [&](AnswerComparer::Verdicts) { told = true; });
  comparer.Compare(Request({"d"}, "c"), [&](AnswerComparer::Verdicts) { told = true; });
  sandbox.began.get_future().wait();
  comparer.Stop();
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace qed
