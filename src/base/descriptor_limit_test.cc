#include "base/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>

#include "gtest/gtest.h"

namespace qed {
namespace {

rlimit Now() {
  rlimit limit = {};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  return limit;
}

TEST(DescriptorLimitTest, IsRaisedAsFarAsTheHardOneAllowsAndNeverLowered) {
  const rlimit before = Now();
  rlimit low = before;
  low.rlim_cur = std::min<rlim_t>(64, before.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(RaiseDescriptorLimit(low.rlim_cur - 1), low.rlim_cur);
  EXPECT_EQ(Now().rlim_cur, low.rlim_cur);
  const uint64_t more = std::min<rlim_t>(100, before.rlim_max);
  EXPECT_EQ(RaiseDescriptorLimit(more), more);
  EXPECT_EQ(Now().rlim_cur, more);
  if (before.rlim_max != RLIM_INFINITY) {
    EXPECT_EQ(RaiseDescriptorLimit(before.rlim_max + 1), before.rlim_max);
  }
  EXPECT_EQ(Now().rlim_max, before.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace qed
