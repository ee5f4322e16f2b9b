#include "cli/lazy_sandbox.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

class CountingSandbox : public SandboxClient {
 public:
  explicit CountingSandbox(int& closed) : closed_(closed) {}
  Result<ExecuteResult> Execute(const ExecuteRequest& request) override {
    ExecuteResult result;
    result.out = request.generated_code;
    return result;
  }
  void CloseSession(const std::string&) override { ++closed_; }

 private:
  int& closed_;
};

TEST(LazySandbox, StartsOnceAndOnlyWhenNeeded) {
  int starts = 0;
  int closed = 0;
  LazySandbox sandbox([&]() -> Result<std::unique_ptr<SandboxClient>> {
    ++starts;
    return std::unique_ptr<SandboxClient>(std::make_unique<CountingSandbox>(closed));
  });
  sandbox.CloseSession("s");
  EXPECT_EQ(starts, 0);
  EXPECT_EQ(sandbox.Execute({"s", "1"})->out, "1");
  EXPECT_EQ(sandbox.Execute({"s", "2"})->out, "2");
  sandbox.CloseSession("s");
  EXPECT_EQ(starts, 1);
  EXPECT_EQ(closed, 1);
}

TEST(LazySandbox, AFailedStartIsNotTriedAgain) {
  int starts = 0;
  LazySandbox sandbox([&]() -> Result<std::unique_ptr<SandboxClient>> {
    ++starts;
    return Unavailable("no user namespaces");
  });
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(sandbox.Execute({"s", "1"}).status().message(), "no user namespaces");
  }
  sandbox.CloseSession("s");
  EXPECT_EQ(starts, 1);
}

}  // namespace
}  // namespace qed
