#include "serve/step_watch.h"

#include <chrono>

#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(StepWatchTest, HealthyOnlyWhileStepsMakeProgress) {
  FakeClock clock;
  clock.Advance(std::chrono::seconds(100));
  StepWatch watch(30);
  const auto look = [&](int64_t steps, bool has_work) {
    return watch.Look(steps, has_work, clock.Now());
  };
  EXPECT_TRUE(look(0, false));
  clock.Advance(std::chrono::seconds(1000));
  EXPECT_TRUE(look(0, false)) << "nothing to do";
  EXPECT_TRUE(look(0, true));
  clock.Advance(std::chrono::seconds(29));
  EXPECT_TRUE(look(0, true));
  clock.Advance(std::chrono::seconds(2));
  EXPECT_FALSE(look(0, true)) << "work and no step for 31 s";
  EXPECT_TRUE(look(1, true)) << "a step";
  clock.Advance(std::chrono::seconds(31));
  EXPECT_FALSE(look(1, true));
  EXPECT_TRUE(look(1, false)) << "the work is gone";
}

}  // namespace
}  // namespace qed
