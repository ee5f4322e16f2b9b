#include "solve/vote.h"

#include <algorithm>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
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

TEST(CountVotes, EqualAnswersVoteTogetherUnderTheirMostFrequentForm) {
  std::vector<Ballot> ballots = {{0, "c"}, {1, "a", 0.5}, {2, "b", 0.5}, {3, "b", 0.5}, {4, "c"}};
  for (const size_t i : {1, 2, 3}) ballots[i].answer_class = "a";
  ballots[2].correct = true;
  ballots[0].correct = ballots[1].correct = false;
  Tally tally = CountVotes(ballots);
  EXPECT_THAT(Answers(tally), ElementsAre("c", "b"));
  EXPECT_EQ(tally.votes[1].answer_class, "a");
  EXPECT_EQ(tally.votes[1].count, 3);
  EXPECT_EQ(tally.votes[1].weight, 1.5);
  EXPECT_EQ(tally.votes[1].first_sample, 1);
  EXPECT_TRUE(*tally.votes[1].correct);
  EXPECT_FALSE(*tally.votes[0].correct);
  // Forms as frequent as each other: the earliest sample's.
  ballots.pop_back();
  ballots.push_back({4, "a", 1, false, "a"});
  EXPECT_THAT(Answers(CountVotes(ballots)), ElementsAre("a", "c"));
  std::reverse(ballots.begin(), ballots.end());
  EXPECT_THAT(Answers(CountVotes(ballots)), ElementsAre("a", "c"));
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

TEST(CountVotes, WeighsVotesAndMarksPartialOnes) {
  const std::vector<Ballot> ballots = {
      {.sample = 0, .answer = "1", .weight = 0.3},
      {.sample = 1, .answer = "2", .weight = 0.9},
      {.sample = 2, .answer = "1", .weight = 0.4, .partial = true}};
  const Tally tally = CountVotes(ballots);
  EXPECT_THAT(Answers(tally), ElementsAre("2", "1"));
  EXPECT_DOUBLE_EQ(tally.votes[1].weight, 0.3 + 0.4);
  EXPECT_EQ(tally.votes[1].count, 2);
  EXPECT_EQ(tally.votes[1].partial, 1);
  EXPECT_EQ(tally.votes[0].partial, 0);
}

}  // namespace
}  // namespace qed
