#include "solve/stop_rule.h"

#include <algorithm>
#include <functional>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::HasSubstr;

Standing StandingOf(const std::vector<std::string>& answers_by_sample,
                    const std::vector<bool>& finished) {
  Standing standing;
  std::vector<Ballot> ballots;
  for (size_t i = answers_by_sample.size(); i-- > 0;) {
    if (finished[i]) {
      ballots.push_back({static_cast<int32_t>(i), answers_by_sample[i]});
    } else {
      ++standing.outstanding;
      standing.first_outstanding = static_cast<int32_t>(i);
    }
  }
  standing.tally = CountVotes(ballots);
  return standing;
}

Standing Finished(const std::vector<std::string>& answers, int32_t outstanding = 10) {
  std::vector<std::string> all = answers;
  std::vector<bool> finished(all.size(), true);
  all.resize(all.size() + static_cast<size_t>(outstanding));
  finished.resize(all.size(), false);
  return StandingOf(all, finished);
}

std::string SettledBy(const std::string& rule, const Standing& standing) {
  const Result<StopRule> parsed = StopRule::Parse(rule);
  EXPECT_TRUE(parsed.ok()) << rule;
  return parsed->Settled(standing).value_or("");
}

TEST(StopRule, ReadsItsText) {
  EXPECT_TRUE(StopRule::Parse("never")->never());
  EXPECT_FALSE(StopRule::Parse("agree:4,lead,posterior:0.95,done:12")->never());
  for (const char* text : {"",
                           "agree",
                           "agree:",
                           "agree:0",
                           "agree:-1",
                           "agree:4x",
                           "agree:4.5",
                           "agree:99999999999",
                           "always",
                           "Never",
                           "never,agree:4",
                           "agree:4,",
                           ",agree:4",
                           "agree:4 ,lead",
                           "lead:3",
                           "posterior",
                           "posterior:0",
                           "posterior:1",
                           "posterior:1.5",
                           "posterior:nan",
                           "posterior:-inf",
                           "done:0",
                           "done:many",
                           "time"}) {
    const Result<StopRule> rule = StopRule::Parse(text);
    ASSERT_FALSE(rule.ok()) << text;
    EXPECT_EQ(rule.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(rule.status().message(), HasSubstr("--stop-when"));
  }
}

TEST(StopRule, NeverIsNever) {
  EXPECT_EQ(SettledBy("never", Finished({"1", "1", "1", "1"}, 0)), "");
}

TEST(StopRule, AgreesOnTheSameAnswerOnly) {
  // Two pairs of different answers and missing ones do not agree.
  EXPECT_EQ(SettledBy("agree:2", Finished({})), "");
  EXPECT_EQ(SettledBy("agree:2", Finished({"", "", ""})), "");
  EXPECT_EQ(SettledBy("agree:2", Finished({"1", "2", ""})), "");
  EXPECT_EQ(SettledBy("agree:2", Finished({"1", "2", "", "1"})), "agree:2");
  EXPECT_EQ(SettledBy("agree:3", Finished({"1", "2", "1", "2"})), "");
}

TEST(StopRule, MissingAnswersNeverChangeAgreement) {
  std::mt19937 random(3);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::string> answers;
    for (int i = 0; i < 8; ++i) answers.push_back(std::to_string(random() % 4));
    std::vector<std::string> with_missing = answers;
    for (int i = 0; i < 5; ++i) {
      with_missing.insert(with_missing.begin() + static_cast<ptrdiff_t>(random() % 8), "");
    }
    for (const char* rule : {"agree:2", "agree:3", "agree:4", "posterior:0.8"}) {
      EXPECT_EQ(SettledBy(rule, Finished(answers)), SettledBy(rule, Finished(with_missing)));
    }
  }
}

TEST(StopRule, CountsFinishedSamples) {
  EXPECT_EQ(SettledBy("done:3", Finished({"1", ""})), "");
  EXPECT_EQ(SettledBy("done:3", Finished({"1", "", "2"})), "done:3");
}

TEST(StopRule, AnyConditionSettlesAndTheFirstIsNamed) {
  EXPECT_EQ(SettledBy("agree:4,posterior:0.7,done:2", Finished({"5", "5"})), "posterior:0.7");
  EXPECT_EQ(SettledBy("done:2,posterior:0.7", Finished({"5", "5"})), "done:2");
  EXPECT_EQ(SettledBy("agree:4,done:3", Finished({"5", "5"})), "");
}

TEST(StopRule, PosteriorIsStrict) {
  // One vote: 1 - 2^-2; two: 1 - 2^-3.
  EXPECT_EQ(SettledBy("posterior:0.76", Finished({"5"})), "");
  EXPECT_EQ(SettledBy("posterior:0.76", Finished({"5", "5"})), "posterior:0.76");
  EXPECT_EQ(SettledBy("posterior:0.95", Finished({"5", "5", "5"})), "");
  EXPECT_EQ(SettledBy("posterior:0.95", Finished({"5", "5", "5", "5"})), "posterior:0.95");
  EXPECT_EQ(SettledBy("posterior:0.01", Finished({"", ""})), "");
}

// Calls `visit` with every way to fill `slots` places with `choices` values.
void ForEachFilling(int slots, int choices,
                    const std::function<void(const std::vector<int>&)>& visit) {
  std::vector<int> filling(static_cast<size_t>(slots), 0);
  while (true) {
    visit(filling);
    size_t i = 0;
    while (i < filling.size() && ++filling[i] == choices) filling[i++] = 0;
    if (i == filling.size()) return;
  }
}

// Every way in which up to 5 samples can have voted for up to 3 answers or none,
// with every set of them finished, against every way in which the others could:
// `lead` stops exactly where none of these changes the winner.
TEST(StopRule, LeadStopsExactlyWhereNothingCanBeOverturned) {
  const std::vector<std::string> kNames = {"", "a", "b", "c"};
  int safe = 0;
  int open = 0;
  for (int n = 1; n <= 5; ++n) {
    for (uint32_t mask = 0; mask < (1u << n); ++mask) {
      std::vector<size_t> outstanding;
      std::vector<bool> finished(static_cast<size_t>(n));
      for (size_t i = 0; i < finished.size(); ++i) {
        finished[i] = (mask >> i & 1u) != 0;
        if (!finished[i]) outstanding.push_back(i);
      }
      const int known = n - static_cast<int>(outstanding.size());
      ForEachFilling(known, 4, [&](const std::vector<int>& votes) {
        std::vector<std::string> answers(static_cast<size_t>(n));
        size_t next = 0;
        for (size_t i = 0; i < answers.size(); ++i) {
          if (finished[i]) answers[i] = kNames[static_cast<size_t>(votes[next++])];
        }
        const Standing now = StandingOf(answers, finished);
        const std::string leader = now.tally.votes.empty() ? "" : now.tally.votes[0].answer;
        bool overturned = false;
        // An outstanding sample may also give an answer that is new.
        ForEachFilling(static_cast<int>(outstanding.size()), 5, [&](const std::vector<int>& rest) {
          std::vector<std::string> complete = answers;
          for (size_t i = 0; i < rest.size(); ++i) {
            complete[outstanding[i]] = rest[i] == 4 ? "new" : kNames[static_cast<size_t>(rest[i])];
          }
          const Tally end = StandingOf(complete, std::vector<bool>(complete.size(), true)).tally;
          overturned = overturned || (end.votes.empty() ? "" : end.votes[0].answer) != leader;
        });
        EXPECT_EQ(LeaderIsSafe(now), !overturned) << "n " << n << " mask " << mask;
        (overturned ? open : safe) += 1;
      });
    }
  }
  EXPECT_GT(safe, 1000);
  EXPECT_GT(open, 1000);
}

TEST(StopRule, LeadTakesOutstandingWeightsForTheirMost) {
  Standing standing;
  standing.tally = CountVotes(std::vector<Ballot>{{0, "1", 0.9}, {1, "1", 0.8}, {2, "2", 0.5}});
  standing.first_outstanding = 3;
  standing.outstanding = 1;  // 0.5 + 1 < 1.7
  EXPECT_TRUE(LeaderIsSafe(standing));
  standing.outstanding = 2;
  EXPECT_FALSE(LeaderIsSafe(standing));
}

}  // namespace
}  // namespace qed
