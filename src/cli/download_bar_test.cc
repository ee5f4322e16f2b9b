#include "cli/download_bar.h"

#include "gtest/gtest.h"
#include "solve/simulated_clock.h"

namespace qed {
namespace {

TEST(BytesText, ThreeDigitsAreEnough) {
  EXPECT_EQ(BytesText(0), "0 B");
  EXPECT_EQ(BytesText(999), "999 B");
  EXPECT_EQ(BytesText(1000), "1.0 kB");
  EXPECT_EQ(BytesText(123'456'789), "123 MB");
  EXPECT_EQ(BytesText(29.5e9), "29.5 GB");
}

TEST(DownloadBar, ShowsRateAndTimeLeft) {
  SimulatedClock clock;
  DownloadBar bar(nullptr, clock);
  EXPECT_EQ(bar.Line({0, 100'000'000, 0, 3}),
            "[                        ] 0 % of 100 MB, 0/3 files");
  clock.PassUntil(clock.Now() + std::chrono::seconds(2));
  EXPECT_EQ(bar.Line({50'000'000, 100'000'000, 1, 3}),
            "[############            ] 50 % of 100 MB, 1/3 files, 25.0 MB/s, 0:02 left");
  // The rate is that of the last ten seconds.
  clock.PassUntil(clock.Now() + std::chrono::seconds(8));
  bar.Line({50'000'000, 100'000'000, 1, 3});
  clock.PassUntil(clock.Now() + std::chrono::seconds(10));
  EXPECT_EQ(bar.Line({60'000'000, 100'000'000, 1, 3}),
            "[##############          ] 60 % of 100 MB, 1/3 files, 1.0 MB/s, 0:40 left");
}

}  // namespace
}  // namespace qed
