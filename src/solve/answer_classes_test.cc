#include "solve/answer_classes.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using enum Verdict;

std::vector<std::string> Forms(const std::vector<AnswerClasses::Question>& questions) {
  std::vector<std::string> forms;
  for (const AnswerClasses::Question& question : questions) forms.push_back(question.form);
  return forms;
}

// Adds an answer that is written as its form.
AnswerClasses::Place Add(AnswerClasses& classes, const std::string& form,
                         const AnswerComparer::Verdicts& verdicts) {
  const auto place = classes.Add(form, form, classes.Questions(form), verdicts);
  classes.Count(form);
  return place;
}

TEST(AnswerClasses, NumbersAndLettersNeedNoComparison) {
  AnswerClasses classes(std::string("42"));
  EXPECT_TRUE(*Add(classes, "42", {}).correct);
  EXPECT_FALSE(*Add(classes, "43", {}).correct);
  EXPECT_THAT(classes.Questions("41"), IsEmpty());
  EXPECT_THAT(classes.Questions("1/3"), IsEmpty());
  EXPECT_THAT(Forms(classes.Questions("\\sqrt{4}")), ElementsAre("42", "42", "43"));
  AnswerClasses letters(std::string("A"));
  Add(letters, "B", {});
  EXPECT_THAT(letters.Questions("C"), IsEmpty());
  EXPECT_THAT(Forms(letters.Questions("3")), ElementsAre("A", "B"));
}

TEST(AnswerClasses, AnAnswerJoinsTheClassItEquals) {
  AnswerClasses classes;
  Add(classes, "a+b", {});
  Add(classes, "c+d", {kDifferent});
  const auto place = Add(classes, "d+c", {kDifferent, kEqual});
  EXPECT_EQ(place.representative, "c+d");
  EXPECT_EQ(place.correct, std::nullopt);
  ASSERT_NE(classes.Find("d+c"), nullptr);
  EXPECT_EQ(classes.Find("d+c")->representative, "c+d");
  EXPECT_EQ(classes.Find("x"), nullptr);
}

TEST(AnswerClasses, AsksTheExpectedAnswerFirst) {
  AnswerClasses classes(std::string("\\sqrt{12}"));
  EXPECT_EQ(Forms(classes.Questions("2\\sqrt{3}")), std::vector<std::string>{"\\sqrt{12}"});
  EXPECT_TRUE(*Add(classes, "2\\sqrt{3}", {kEqual}).correct);
  EXPECT_FALSE(*Add(classes, "7", {kDifferent, kDifferent}).correct);
  EXPECT_EQ(Forms(classes.Questions("x")),
            (std::vector<std::string>{"\\sqrt{12}", "2\\sqrt{3}", "7"}));
  // What equals a member of a correct class is correct.
  EXPECT_TRUE(*Add(classes, "\\sqrt{3}\\cdot2", {kTimeout, kEqual}).correct);
  EXPECT_FALSE(*Add(classes, "\\sqrt{49}", {kDifferent, kDifferent, kEqual}).correct);
  // Being equal to the expected answer is not being equal to a class.
  const auto alone = Add(classes, "\\sqrt{3}+\\sqrt{3}", {kEqual, kDifferent, kDifferent});
  EXPECT_TRUE(*alone.correct);
  EXPECT_EQ(alone.representative, "\\sqrt{3}+\\sqrt{3}");
  // The expected answer, as it is, is right whatever it was found equal to.
  const auto place = Add(classes, "\\sqrt{12}", {kEqual});
  EXPECT_EQ(place.representative, "2\\sqrt{3}");
  EXPECT_TRUE(*place.correct);
}

TEST(AnswerClasses, FailuresAndMissingVerdictsAreDifferences) {
  for (const Verdict verdict : {kDifferent, kUnreadable, kTimeout, kFailed}) {
    AnswerClasses classes(std::string("y+x"));
    Add(classes, "x+y", {verdict});
    const auto place = Add(classes, "x+y+0", {verdict, verdict});
    EXPECT_EQ(place.representative, "x+y+0") << VerdictName(verdict);
    EXPECT_FALSE(*place.correct);
    EXPECT_EQ(Add(classes, "0+x+y", {}).representative, "0+x+y");
  }
}

TEST(AnswerClasses, ComparesWithTheLargestClassesOnly) {
  AnswerClasses classes(std::string("e+f"));
  for (size_t i = 0; i < kMaxComparedClasses + 4; ++i) Add(classes, "x+" + std::to_string(i), {});
  classes.Count("x+19");
  const auto questions = Forms(classes.Questions("\\pi"));
  EXPECT_EQ(questions.size(), kMaxComparedClasses + 1);
  EXPECT_EQ(questions.front(), "e+f");
  EXPECT_EQ(questions[1], "x+19");
  EXPECT_EQ(questions[2], "x+0");
}

TEST(AnswerClasses, RestoresWhatAnEarlierRunFound) {
  AnswerClasses classes(std::string("2"));
  classes.Restore("\\sqrt{4}", "\\sqrt4", {"\\sqrt{4}", true});
  classes.Restore("8/4+0", "8/4+0", {"\\sqrt{4}", true});
  EXPECT_EQ(classes.Find("8/4+0")->representative, "\\sqrt{4}");
  const auto questions = classes.Questions("1+1");
  EXPECT_THAT(Forms(questions), ElementsAre("2", "\\sqrt{4}"));
  EXPECT_EQ(questions[1].written, "\\sqrt4");
}

TEST(Verdict, HasAName) {
  for (const Verdict verdict : {kEqual, kDifferent, kUnreadable, kTimeout, kFailed}) {
    EXPECT_EQ(*ParseVerdict(VerdictName(verdict)), verdict);
  }
  EXPECT_FALSE(ParseVerdict("Equal").ok());
}

}  // namespace
}  // namespace qed
