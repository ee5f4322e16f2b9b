#include "solve/sandbox_comparer.h"

#include <future>
#include <mutex>

#include "base/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using enum Verdict;
using ProcessStatus = ExecuteResult::ProcessStatus;

// Answers calls in turn with what it was given.
class FakeSandbox : public SandboxClient {
 public:
  Result<ExecuteResult> Execute(const ExecuteRequest& request) override {
    const std::lock_guard<std::mutex> lock(mutex);
    EXPECT_TRUE(CheckExecuteRequest(request).ok());
    requests.push_back(request);
    if (requests.size() > replies.size()) return IoError("it is gone");
    return replies[requests.size() - 1];
  }
  void CloseSession(const std::string&) override {}

  void Reply(const std::string& out, ProcessStatus status = ProcessStatus::kCompleted) {
    ExecuteResult result;
    result.out = out;
    result.process_status = status;
    replies.push_back(result);
  }
  std::vector<std::string> OthersOf(size_t call) {
    return ParseJson(requests.at(call).std_input)->at("others").get<std::vector<std::string>>();
  }

  std::mutex mutex;
  std::vector<ExecuteRequest> requests;
  std::vector<ExecuteResult> replies;
};

AnswerComparer::Verdicts Compare(SandboxClient& sandbox, const std::vector<std::string>& others) {
  SandboxComparer comparer(sandbox);
  std::promise<AnswerComparer::Verdicts> verdicts;
  comparer.Compare({0, "answer\n\"", others},
                   [&](AnswerComparer::Verdicts found) { verdicts.set_value(std::move(found)); });
  return verdicts.get_future().get();
}

TEST(SandboxComparer, SendsAnswersAsDataToASessionOfTheirOwn) {
  FakeSandbox sandbox;
  sandbox.Reply("different\nequal\n");
  EXPECT_THAT(Compare(sandbox, {"a", "b", "c"}), ElementsAre(kDifferent, kEqual));
  ASSERT_THAT(sandbox.requests, SizeIs(1));
  const ExecuteRequest& request = sandbox.requests[0];
  EXPECT_EQ(request.language, CodeLanguage::kPython);
  EXPECT_EQ(ParseJson(request.std_input)->at("answer"), "answer\n\"");
  EXPECT_THAT(sandbox.OthersOf(0), ElementsAre("a", "b", "c"));
  EXPECT_THAT(request.generated_code, HasSubstr("def main()"));
  EXPECT_THAT(request.generated_code, ::testing::Not(HasSubstr("answer\\n")));
}

TEST(SandboxComparer, AsksAgainForWhatATimeoutLeftOver) {
  FakeSandbox sandbox;
  sandbox.Reply("different\nTimeoutError: equal\n", ProcessStatus::kTimeout);
  sandbox.Reply("unreadable\nequal\n");
  EXPECT_THAT(Compare(sandbox, {"a", "b", "c", "d"}),
              ElementsAre(kDifferent, kTimeout, kUnreadable, kEqual));
  EXPECT_THAT(sandbox.OthersOf(1), ElementsAre("c", "d"));
  EXPECT_NE(sandbox.requests[0].session_id, sandbox.requests[1].session_id);
}

TEST(SandboxComparer, GivesUpAfterAFewTimeouts) {
  FakeSandbox sandbox;
  for (int i = 0; i < 10; ++i) sandbox.Reply("", ProcessStatus::kTimeout);
  EXPECT_THAT(Compare(sandbox, {"a", "b", "c", "d", "e"}),
              ElementsAre(kTimeout, kTimeout, kTimeout, kTimeout, kTimeout));
  EXPECT_THAT(sandbox.requests, SizeIs(SandboxComparer::kMaxTimeouts));
}

TEST(SandboxComparer, ADeathOfTheProgramAndAFailureAreRecorded) {
  FakeSandbox sandbox;
  sandbox.Reply("MemoryError\n", ProcessStatus::kError);  // then the sandbox is gone
  EXPECT_THAT(Compare(sandbox, {"a", "b", "c"}), ElementsAre(kFailed, kFailed));
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
  SandboxComparer comparer(sandbox, {.timeout = 1000, .threads = 1});
  comparer.Compare({0, "a", {"b"}}, [&](AnswerComparer::Verdicts) { told = true; });
  comparer.Compare({0, "c", {"d"}}, [&](AnswerComparer::Verdicts) { told = true; });
  sandbox.began.get_future().wait();
  comparer.Stop();
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace qed
