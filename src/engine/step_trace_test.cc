#include "engine/step_trace.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(StepTrace, KeepsTheLatestRecordsInOrder) {
  StepTrace trace;
  EXPECT_TRUE(trace.Records().empty());
  trace.Add({.tokens = 1});
  trace.Add({.tokens = 2});
  ASSERT_EQ(trace.Records().size(), 2u);
  EXPECT_EQ(trace.Records()[0].tokens, 1);
  const auto capacity = static_cast<int32_t>(StepTrace::kCapacity);
  for (int32_t tokens = 3; tokens <= capacity + 5; ++tokens) trace.Add({.tokens = tokens});
  const std::vector<StepRecord> records = trace.Records();
  ASSERT_EQ(records.size(), StepTrace::kCapacity);
  for (int32_t i = 0; i < capacity; ++i) EXPECT_EQ(records[i].tokens, i + 6);
}

}  // namespace
}  // namespace qed
