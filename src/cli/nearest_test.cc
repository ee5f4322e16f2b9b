#include "cli/nearest.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NearestTest, EditDistance) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("abc", ""), 3u);
  EXPECT_EQ(EditDistance("solv", "solve"), 1u);
  EXPECT_EQ(EditDistance("slove", "solve"), 1u);  // two letters swapped
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("sitting", "kitten"), 3u);
}

TEST(NearestTest, NamesThatAreMeant) {
  const std::vector<std::string> known = {"samples",        "sample-index", "seed",
                                          "max-batch-size", "temperature",  "top-p"};
  EXPECT_THAT(NearestNames("sample", known), ElementsAre("samples", "sample-index"));
  EXPECT_THAT(NearestNames("temprature", known), ElementsAre("temperature"));
  EXPECT_THAT(NearestNames("batch-size", known), ElementsAre("max-batch-size"));
  EXPECT_THAT(NearestNames("top_p", known), ElementsAre("top-p"));
  EXPECT_THAT(NearestNames("xylophone", known), IsEmpty());
  EXPECT_THAT(NearestNames("x", known), IsEmpty());
  EXPECT_THAT(NearestNames("", known), IsEmpty());
  EXPECT_THAT(NearestNames(std::string(10'000, 'a'), known), IsEmpty());
}

}  // namespace
}  // namespace qed
