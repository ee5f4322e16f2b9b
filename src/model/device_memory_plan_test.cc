#include "model/device_memory_plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::HasSubstr;

DeviceMemoryPlan Plan() {
  DeviceMemoryPlan plan;
  plan.device = "cuda:1 (Some GPU)";
  plan.items = {{"weights", 600}, {"workspace", 100}};
  plan.free_bytes = 1000;
  plan.total_bytes = 1200;
  plan.page_bytes = 40;
  plan.page_size = 16;
  return plan;
}

TEST(DeviceMemoryPlanTest, PagesTakeTheirFractionOfWhatIsLeft) {
  DeviceMemoryPlan plan = Plan();
  ASSERT_TRUE(GivePages(0.9, 1, "", plan).ok());
  EXPECT_EQ(plan.num_pages, 6);  // 270 of 300 bytes
  EXPECT_EQ(plan.items.back().bytes, 240);
}

TEST(DeviceMemoryPlanTest, TheLeastIsGivenWhateverTheFraction) {
  DeviceMemoryPlan plan = Plan();
  ASSERT_TRUE(GivePages(0.01, 7, "", plan).ok());
  EXPECT_EQ(plan.num_pages, 7);
}

TEST(DeviceMemoryPlanTest, TheShortfallIsToldInBytesAndOneLine) {
  DeviceMemoryPlan plan = Plan();
  const Status status = GivePages(0.9, 8, "process 4711 holds 0.2 GiB", plan);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("cuda:1 (Some GPU): 1020 bytes are needed"));
  EXPECT_THAT(status.message(), HasSubstr("(weights 600, workspace 100)"));
  EXPECT_THAT(status.message(), HasSubstr("20 bytes short"));
  EXPECT_THAT(status.message(), HasSubstr("process 4711"));
  EXPECT_EQ(status.message().find('\n'), std::string::npos);
}

TEST(DeviceMemoryPlanTest, ThereAreOnlySoManyPages) {
  DeviceMemoryPlan plan = Plan();
  plan.free_bytes = int64_t{1} << 40;
  plan.page_bytes = 1;
  ASSERT_TRUE(GivePages(1.0, 1, "", plan).ok());
  EXPECT_EQ(plan.num_pages, kMaxDevicePages);
  EXPECT_EQ(plan.items.back().bytes, kMaxDevicePages);
}

TEST(DeviceMemoryPlanTest, PagesThatAreNotTakenStayFree) {
  DeviceMemoryPlan plan = Plan();
  ASSERT_TRUE(GivePages(0.9, 1, "", plan).ok());
  plan.TakePages(2);
  EXPECT_EQ(plan.num_pages, 2);
  EXPECT_EQ(plan.items.back().bytes, 2 * plan.page_bytes);
}

TEST(DeviceMemoryPlanTest, TheTableNamesEveryItem) {
  DeviceMemoryPlan plan = Plan();
  ASSERT_TRUE(GivePages(0.9, 1, "", plan).ok());
  const std::string table = plan.Table();
  for (const char* part : {"Some GPU", "weights", "workspace", "KV pages", "left free", "not ours",
                           "6 pages of 16 tokens: 96 tokens"}) {
    EXPECT_THAT(table, HasSubstr(part));
  }
}

}  // namespace
}  // namespace qed
