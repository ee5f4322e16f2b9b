#include "solve/vote.h"

#include <algorithm>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "solve/stop_rule.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Answers(const Tally& tally) {
  std::vector<std::string> answers;
  for (const Vote& vote : tally.votes) answers.push_back(vote.answer);
  return answers;
}

TEST(CountVotes, PutsTheMostVotedFirst) {
  const std::vector<Ballot> ballots = {{0, "7"}, {1, "42"}, {2, "42"}, {3, "7"}, {4, "42"}};
  const Tally tally = CountVotes(ballots);
  EXPECT_THAT(Answers(tally), ElementsAre("42", "7"));
  EXPECT_EQ(tally.votes[0].count, 3);
  EXPECT_EQ(tally.votes[0].first_sample, 1);
  EXPECT_EQ(tally.ballots, 5);
}

TEST(CountVotes, IgnoresMissingAnswersButCountsThem) {
  const std::vector<Ballot> ballots = {{0, ""}, {1, ""}, {2, "5"}};
  const Tally tally = CountVotes(ballots);
  EXPECT_THAT(Answers(tally), ElementsAre("5"));
  EXPECT_EQ(tally.ballots, 3);
  EXPECT_THAT(CountVotes(std::vector<Ballot>{{0, ""}}).votes, IsEmpty());
  EXPECT_THAT(CountVotes(std::vector<Ballot>{}).votes, IsEmpty());
}

TEST(CountVotes, BreaksTiesByTheEarliestSample) {
  EXPECT_THAT(Answers(CountVotes(std::vector<Ballot>{{3, "a"}, {1, "b"}, {2, "c"}})),
              ElementsAre("b", "c", "a"));
}

TEST(CountVotes, DoesNotDependOnTheOrderOfArrival) {
  std::vector<Ballot> ballots;
  for (int32_t i = 0; i < 12; ++i) ballots.push_back({i, std::to_string(i % 4)});
  const std::vector<std::string> expected = Answers(CountVotes(ballots));
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::shuffle(ballots.begin(), ballots.end(), random);
    EXPECT_EQ(Answers(CountVotes(ballots)), expected);
  }
}

TEST(StopRule, ReadsItsText) {
  EXPECT_EQ(StopRule::Parse("never")->agree, 0);
  EXPECT_EQ(StopRule::Parse("agree:4")->agree, 4);
  for (const char* text : {"", "agree", "agree:", "agree:0", "agree:-1", "agree:4x", "agree:4.5",
                           "agree:99999999999", "always", "Never"}) {
    const Result<StopRule> rule = StopRule::Parse(text);
    ASSERT_FALSE(rule.ok()) << text;
    EXPECT_EQ(rule.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(rule.status().message(), HasSubstr("--stop-when"));
  }
}

TEST(StopRule, AgreesOnTheSameAnswerOnly) {
  const StopRule rule{.agree = 2};
  // Two pairs of different answers and missing ones do not agree.
  EXPECT_FALSE(rule.Settled(CountVotes(std::vector<Ballot>{})));
  EXPECT_FALSE(rule.Settled(CountVotes(std::vector<Ballot>{{0, ""}, {1, ""}, {2, ""}})));
  EXPECT_FALSE(rule.Settled(CountVotes(std::vector<Ballot>{{0, "1"}, {1, "2"}, {2, ""}})));
  EXPECT_TRUE(rule.Settled(CountVotes(std::vector<Ballot>{{0, "1"}, {1, "2"}, {2, "1"}})));
  EXPECT_FALSE(StopRule{}.Settled(CountVotes(std::vector<Ballot>{{0, "1"}, {1, "1"}})));
}

}  // namespace
}  // namespace qed
