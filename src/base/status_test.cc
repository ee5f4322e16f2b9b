#include "base/status.h"

#include <memory>

#include "gtest/gtest.h"

namespace qed {
namespace {

Result<int> Half(int x) {
  if (x % 2 != 0) return InvalidArgument("odd");
  return x / 2;
}

Result<int> Quarter(int x) {
  QED_ASSIGN_OR_RETURN(const int half, Half(x));
  return Half(half);
}

Status CheckQuarter(int x) {
  QED_RETURN_IF_ERROR(Quarter(x).status());
  return OkStatus();
}

TEST(Status, CarriesCodeAndMessage) {
  EXPECT_TRUE(OkStatus().ok());
  const Status status = NotFound("no such file");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.WithPrefix("a.gguf").message(), "a.gguf: no such file");
  EXPECT_TRUE(OkStatus().WithPrefix("a.gguf").ok());
}

TEST(Result, PropagatesThroughTheMacros) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status().message(), "odd");
  EXPECT_EQ(CheckQuarter(3).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(CheckQuarter(4).ok());
}

TEST(Result, HoldsValuesThatOnlyMove) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(5));
  std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 5);
}

TEST(ResultDeathTest, ValueOfAnErrorIsABug) { EXPECT_DEATH(Half(3).value(), "odd"); }

}  // namespace
}  // namespace qed
