#include "base/json_members.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(ParseJsonMembers, ValuesStayAsTheyAreWritten) {
  const auto members = ParseJsonMembers(
      R"( {"a": 18446744073709551616, "b" :1.50,"c": "x\"},{", "d":[1, {"e": "]"}] , "a\n":null})");
  ASSERT_TRUE(members.ok()) << members.status().message();
  EXPECT_THAT(*members,
              ElementsAre(Pair("a", "18446744073709551616"), Pair("a\n", "null"), Pair("b", "1.50"),
                          Pair("c", R"("x\"},{")"), Pair("d", R"([1, {"e": "]"}])")));
}

TEST(ParseJsonMembers, OfOneNameTheLastCounts) {
  EXPECT_THAT(*ParseJsonMembers(R"({"a": 1, "\u0061": 2})"), ElementsAre(Pair("a", "2")));
  EXPECT_THAT(*ParseJsonMembers(" { } "), IsEmpty());
}

TEST(ParseJsonMembers, RefusesWhatIsNoObject) {
  for (const char* text : {"", "[]", "1", "{", "{\"a\"}", "{\"a\": 1}}", "{\"a\": 01}"}) {
    EXPECT_FALSE(ParseJsonMembers(text).ok()) << text;
  }
}

}  // namespace
}  // namespace qed
