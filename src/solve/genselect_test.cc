#include "solve/genselect.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "solve/scripted_generator.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(ParseJudgment, ReadsTheLastOne) {
  EXPECT_EQ(ParseJudgment("Judgment: 3", 4), 3);
  EXPECT_EQ(ParseJudgment("Judgement: 0\n", 4), 0);
  EXPECT_EQ(ParseJudgment("Judgment: 1 ... no.\nJudgment: 2", 4), 2);
  EXPECT_EQ(ParseJudgment("Judgment: 1 ... no.\nJudgement: 2", 4), 2);
  EXPECT_EQ(ParseJudgment("Judgement: 1 ... no.\nJudgment: 2", 4), 2);
  EXPECT_EQ(ParseJudgment("**Judgment: 1**", 4), 1);
  EXPECT_EQ(ParseJudgment("**Judgment:** 1", 4), 1);
  EXPECT_EQ(ParseJudgment("Judgment: [1]", 4), 1);
  EXPECT_EQ(ParseJudgment("Judgment:1.", 4), 1);
}

TEST(ParseJudgment, IsNoneForAnythingElse) {
  for (const char* text :
       {"", "3", "Judgment", "Judgment:", "Judgment: x", "Judgment: -1", "Judgment: 4",
        "Judgment: 99999999999999999999", "judgment: 1", "Judgment: 1\nJudgment: IDX"}) {
    EXPECT_EQ(ParseJudgment(text, 4), std::nullopt) << text;
  }
}

TEST(SolutionSummary, IsTheEndWithoutTheThinking) {
  EXPECT_EQ(SolutionSummary("<think>long</think>\n\nSo 7.", 100), "So 7.");
  EXPECT_EQ(SolutionSummary("So 7.", 100), "So 7.");
  EXPECT_EQ(SolutionSummary("0123456789", 4), "6789");
  EXPECT_EQ(SolutionSummary("abc\nd\nefghij", 8), "efghij");  // from a line's beginning
  EXPECT_EQ(SolutionSummary("abcdef\ng", 6), "cdef\ng");      // unless half would go
  EXPECT_EQ(SolutionSummary("\xC2\xBD\xC2\xBD", 3), "\xC2\xBD");
  EXPECT_EQ(SolutionSummary("abc", 0), "");
  const std::string once =
      SolutionSummary(std::string(300, 'x') + "\n" + std::string(90, 'y'), 100);
  EXPECT_EQ(SolutionSummary(once, 100), once);
}

ProblemOutcomes Outcomes(const std::vector<std::string>& answers) {
  ProblemOutcomes outcomes;
  for (const std::string& answer : answers) {
    outcomes.emplace_back(SampleOutcome());
    outcomes.back()->answer = answer;
    outcomes.back()->correct = answer == "7";
  }
  return outcomes;
}

TEST(ChooseCandidates, TakesOneOfEachClassThenInTurn) {
  ProblemOutcomes outcomes = Outcomes({"8", "7", "", "7", "7", "9", "8"});
  EXPECT_THAT(ChooseCandidates(outcomes, 16), ElementsAre(1, 3, 4, 0, 6, 5));
  EXPECT_THAT(ChooseCandidates(outcomes, 4), ElementsAre(1, 3, 0, 5));
  EXPECT_THAT(ChooseCandidates(outcomes, 2), ElementsAre(1, 0));
  outcomes[6]->finish = SampleFinish::kCancelled;
  EXPECT_THAT(ChooseCandidates(outcomes, 16), ElementsAre(1, 3, 4, 0, 5));
}

TEST(ChooseCandidates, ThereIsNothingToChooseWithinOneClass) {
  EXPECT_THAT(ChooseCandidates(Outcomes({"7", "7", ""}), 16), IsEmpty());
  EXPECT_THAT(ChooseCandidates(Outcomes({"", ""}), 16), IsEmpty());
  ProblemOutcomes equal = Outcomes({"7", "7+0"});
  equal[1]->answer_class = "7";
  EXPECT_THAT(ChooseCandidates(equal, 16), IsEmpty());
}

// Tokens are bytes.
class ByteGenerator : public ScriptedGenerator {
 public:
  ByteGenerator(SimulatedClock& clock, int32_t context)
      : ScriptedGenerator(clock, nullptr, 1), context_(context) {}
  int32_t max_seq_len() const override { return context_; }
  int32_t CountTokens(std::string_view text) const override {
    return static_cast<int32_t>(text.size());
  }

 private:
  int32_t context_;
};

std::optional<SelectionPrompt> PromptFor(int32_t context, size_t text_bytes) {
  SelectOptions options;
  options.max_tokens = 100;
  options.task.prompt = *PromptTemplate::Load("genselect");
  options.task.wrapper = *ChatWrapper::Load("none");
  Problem problem;
  problem.fields["problem"] = "What is 3 + 4?";
  std::map<int32_t, std::string> summaries;
  for (int32_t i = 0; i < 4; ++i)
    summaries[i] = std::string(text_bytes, static_cast<char>('a' + i));
  SimulatedClock clock;
  const ByteGenerator generator(clock, context);
  auto prompt =
      MakeSelectionPrompt(options, problem, Outcomes({"7", "7", "8", "9"}), summaries, generator);
  EXPECT_TRUE(prompt.ok()) << prompt.status().message();
  return *prompt;
}

TEST(MakeSelectionPrompt, ShowsTheSolutionsByNumber) {
  const auto prompt = PromptFor(100000, 10);
  ASSERT_TRUE(prompt.has_value());
  EXPECT_THAT(prompt->candidates, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(prompt->text, HasSubstr("Solution 0:\naaaaaaaaaa\n\nSolution 1:\nbbbbbbbbbb\n\n"));
  EXPECT_THAT(prompt->text, HasSubstr("What is 3 + 4?"));
  EXPECT_THAT(prompt->text, HasSubstr("from 0 to 3"));
  EXPECT_EQ(prompt->max_tokens, 100);
}

TEST(MakeSelectionPrompt, IsCutToTheContext) {
  const auto cut = PromptFor(4096, 5000);
  ASSERT_TRUE(cut.has_value());
  EXPECT_LE(cut->tokens + cut->max_tokens, 4096);
  EXPECT_EQ(cut->candidates.size(), 4u);
  const auto fewer = PromptFor(1500, 5000);
  ASSERT_TRUE(fewer.has_value());
  EXPECT_THAT(fewer->candidates, ElementsAre(0, 2));
  EXPECT_THAT(fewer->text, HasSubstr(std::string(400, 'c')));
  EXPECT_THAT(fewer->text, Not(HasSubstr(std::string(401, 'c'))));
  EXPECT_EQ(PromptFor(600, 5000), std::nullopt);
}

Selection Chose(const std::string& answer_class) {
  Selection selection;
  selection.answer_class = answer_class;
  selection.generated_tokens = 10;
  return selection;
}

TEST(DecideSelection, TheMajorityDecidesAndVotesBreakTies) {
  const Tally votes = CountVotes(Outcomes({"8", "8", "8", "7", "7", "9"}));
  const auto decide = [&](const std::vector<Selection>& selections) {
    return DecideSelection(selections, votes, true);
  };
  SelectionOutcome outcome = decide({Chose("7"), Chose("9"), Chose("7"), Chose("")});
  EXPECT_EQ(outcome.answer, "7");
  EXPECT_EQ(outcome.chosen, 2);
  EXPECT_EQ(outcome.selections, 4);
  EXPECT_TRUE(*outcome.correct);
  EXPECT_FALSE(outcome.by_vote);
  EXPECT_EQ(outcome.generated_tokens, 40);
  EXPECT_EQ(decide({Chose("9"), Chose("7")}).answer, "7");
  EXPECT_EQ(decide({Chose("7"), Chose("8")}).answer, "8");
}

TEST(DecideSelection, FallsBackToTheVote) {
  const Tally votes = CountVotes(Outcomes({"8", "8", "7"}));
  for (const std::vector<Selection>& selections :
       {std::vector<Selection>{}, std::vector<Selection>{Chose(""), Chose("")}}) {
    const SelectionOutcome outcome = DecideSelection(selections, votes, true);
    EXPECT_EQ(outcome.answer, "8");
    EXPECT_TRUE(outcome.by_vote);
    EXPECT_FALSE(*outcome.correct);
  }
  EXPECT_EQ(DecideSelection({}, votes, false).correct, std::nullopt);
  EXPECT_EQ(DecideSelection({}, Tally(), true).answer, "");
}

TEST(SelectionLine, HoldsEverything) {
  Selection selection = Chose("7");
  selection.problem_id = "p";
  selection.index = 3;
  selection.seed = 45;
  selection.candidates = {4, 0};
  selection.text = "x\nJudgment: 1";
  selection.choice = 1;
  selection.prompt_tokens = 11;
  selection.start_time = 1.5;
  selection.end_time = 2.5;
  selection.problem_seconds = 3.5;
  selection.run_seconds = 4.5;
  const std::string line = ToRecordLine(selection);
  const Result<Selection> back = ParseSelectionLine(line);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(ToRecordLine(*back), line);
  EXPECT_THAT(back->candidates, ElementsAre(4, 0));
  EXPECT_EQ(back->choice, 1);
  for (const char* bad : {"", "{}", "[]", "{\"problem_id\": 5}"}) {
    EXPECT_FALSE(ParseSelectionLine(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace qed
