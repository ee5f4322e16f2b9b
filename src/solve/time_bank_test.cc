#include "solve/time_bank.h"

#include <algorithm>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using Duration = Clock::Duration;

constexpr TimeLimits kRecipe = {
    .base = seconds(350), .draw = seconds(210), .cap = seconds(560), .total = seconds(18000)};

TEST(TimeBank, NamesLimitsThatContradictThemselves) {
  const auto error = [](const TimeLimits& limits, size_t problems) {
    return CheckTimeLimits(limits, problems).message();
  };
  EXPECT_TRUE(CheckTimeLimits({}, 10).ok());
  EXPECT_TRUE(CheckTimeLimits(kRecipe, 50).ok());
  EXPECT_THAT(error(kRecipe, 60), HasSubstr("--time-total"));
  EXPECT_THAT(error({.draw = seconds(1)}, 5), HasSubstr("--time-bank"));
  EXPECT_THAT(error({.base = seconds(10), .cap = seconds(9)}, 5), HasSubstr("--time-cap"));
  EXPECT_THAT(error({.total = Duration(3)}, 5), HasSubstr("--time-total"));
}

TEST(TimeBank, WithoutLimitsNothingExpires) {
  TimeBank bank({}, 2);
  bank.Open(0);
  bank.Charge(seconds(1000000));
  EXPECT_FALSE(bank.Expired(0));
  EXPECT_EQ(bank.UntilExpiry(), std::nullopt);
}

TEST(TimeBank, FollowsTheRecipe) {
  TimeBank bank(kRecipe, 50);
  EXPECT_EQ(bank.balance(), seconds(500));  // 18,000 - 50 x 350
  bank.Open(0);
  bank.Charge(seconds(100));
  EXPECT_FALSE(bank.Expired(0));
  bank.Close(0);
  EXPECT_EQ(bank.balance(), seconds(750));
  bank.Open(1);
  EXPECT_EQ(bank.UntilExpiry(), seconds(350));
  bank.Charge(seconds(350));
  EXPECT_FALSE(bank.Expired(1));  // It draws now.
  EXPECT_EQ(bank.UntilExpiry(), seconds(210));
  bank.Charge(seconds(209));
  EXPECT_FALSE(bank.Expired(1));
  EXPECT_EQ(bank.balance(), seconds(541));
  bank.Charge(seconds(1));
  EXPECT_TRUE(bank.Expired(1));
  bank.Close(1);
  EXPECT_EQ(bank.balance(), seconds(540));
}

TEST(TimeBank, AnEmptyBankPaysNothing) {
  TimeBank bank({.base = seconds(10), .draw = seconds(5)}, 2);
  bank.Open(0);
  bank.Charge(seconds(10));
  EXPECT_TRUE(bank.Expired(0));
}

TEST(TimeBank, LatenessIsADebtOfTheNext) {
  TimeBank bank({.base = seconds(10), .draw = seconds(5)}, 3);
  bank.Open(0);
  bank.Charge(seconds(12));  // Cut short 2 s late.
  bank.Close(0);
  EXPECT_EQ(bank.balance(), seconds(-2));
  bank.Open(1);
  EXPECT_EQ(bank.UntilExpiry(), seconds(8));
  bank.Charge(seconds(8));
  EXPECT_TRUE(bank.Expired(1));
  bank.Close(1);
  EXPECT_EQ(bank.balance(), seconds(0));
}

TEST(TimeBank, ProblemsInFlightShareTheTime) {
  TimeBank bank({.base = seconds(10)}, 3);
  bank.Open(0);
  bank.Charge(seconds(4));
  bank.Open(1);
  EXPECT_EQ(bank.UntilExpiry(), seconds(12));
  bank.Charge(seconds(12));
  EXPECT_TRUE(bank.Expired(0));
  EXPECT_FALSE(bank.Expired(1));
  EXPECT_EQ(bank.charged(1), seconds(6));
  bank.Close(0);
  bank.Charge(Duration(3));
  EXPECT_EQ(bank.charged(1), seconds(6) + Duration(3));
}

TEST(TimeBank, WithATotalAloneEveryProblemIsGrantedItsShare) {
  TimeBank bank({.total = seconds(100)}, 4);
  EXPECT_EQ(bank.base(), seconds(25));
  EXPECT_EQ(bank.balance(), seconds(0));
}

TEST(TimeBank, GoesOnWhereAnEarlierPartStood) {
  TimeBank whole(kRecipe, 50);
  whole.Open(0);
  whole.Charge(seconds(120));
  whole.Close(0);
  whole.Open(1);
  whole.Charge(seconds(400));

  TimeBank resumed(kRecipe, 50);
  resumed.Restore(0, seconds(120));
  resumed.Close(0);
  resumed.Restore(1, seconds(400));
  resumed.Open(1);
  EXPECT_EQ(resumed.balance(), whole.balance());
  EXPECT_EQ(resumed.UntilExpiry(), whole.UntilExpiry());
}

TimeLimits RandomLimits(std::mt19937_64& random, size_t problems) {
  TimeLimits limits;
  limits.base = Duration(1 + static_cast<int64_t>(random() % 1000));
  if (random() % 2 != 0) limits.draw = Duration(static_cast<int64_t>(random() % 800));
  if (random() % 2 != 0) limits.cap = limits.base + Duration(static_cast<int64_t>(random() % 800));
  if (random() % 2 != 0) {
    limits.total = limits.base * static_cast<int64_t>(problems) +
                   Duration(static_cast<int64_t>(random() % 500));
  }
  return limits;
}

// A schedule: problems open in order, some number of them at a time, end by
// themselves or are closed up to `lateness` after they expire.
TEST(TimeBank, BalancesToZeroOnRandomSchedules) {
  std::mt19937_64 random(11);
  for (int schedule = 0; schedule < 10000; ++schedule) {
    const size_t problems = 1 + random() % 12;
    const TimeLimits limits = RandomLimits(random, problems);
    ASSERT_TRUE(CheckTimeLimits(limits, problems).ok());
    TimeBank bank(limits, problems);
    const Duration granted = bank.base() * static_cast<int64_t>(problems) + bank.balance();
    const size_t at_a_time = 1 + random() % 4;
    const int64_t lateness = static_cast<int64_t>(random() % 3) * 5;
    std::vector<size_t> open;
    Duration passed{0};
    for (size_t next = 0; next < problems || !open.empty();) {
      const auto close_where = [&](const auto& ends) {
        std::erase_if(open, [&](size_t problem) {
          if (!ends(problem)) return false;
          bank.Close(problem);
          return true;
        });
      };
      while (open.size() < at_a_time && next < problems) {
        bank.Open(open.emplace_back(next++));
        close_where([&](size_t problem) { return bank.Expired(problem); });
      }
      if (open.empty()) continue;
      const int64_t late = lateness > 0 ? static_cast<int64_t>(random() % lateness) : 0;
      const Duration until = *bank.UntilExpiry();
      const Duration step =
          random() % 2 != 0 ? until + Duration(late)
                            : Duration(1 + static_cast<int64_t>(random() % 1000) % until.count());
      passed += step;
      bank.Charge(step);
      close_where([&](size_t problem) { return bank.Expired(problem) || random() % 8 == 0; });
    }
    Duration charged{0};
    for (size_t i = 0; i < problems; ++i) charged += bank.charged(i);
    ASSERT_EQ(charged, passed);
    ASSERT_EQ(granted, charged + bank.balance()) << "schedule " << schedule;
    if (limits.total.count() > 0) {
      // What the last ones were late, each by its share, and a nanosecond each for remainders.
      const int64_t most = static_cast<int64_t>(at_a_time) * (lateness + 2);
      ASSERT_LE(passed, limits.total + Duration(most)) << "schedule " << schedule;
    }
  }
}

}  // namespace
}  // namespace qed
