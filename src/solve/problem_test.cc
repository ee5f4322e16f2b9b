#include "solve/problem.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The problems of a file with that text.
Result<std::vector<Problem>> ParseProblems(const std::string& text, const std::string& name,
                                           const ProblemFields& names = {}) {
  const TempDir dir;
  std::ofstream(dir.File(name), std::ios::binary) << text;
  return ReadProblems(dir.File(name), names);
}

TEST(ParseProblems, ReadsIdsAnswersAndOtherKeys) {
  const auto problems = ParseProblems(
      "{\"problem\": \"1+1?\", \"id\": \"a\", \"expected_answer\": \"2\", \"level\": 3}\n"
      "\n"
      "{\"problem\": \"2+2?\", \"expected_answer\": 4}\r\n"
      "{\"problem\": \"3+3?\", \"id\": 17, \"expected_answer\": null}",
      "p.jsonl");
  ASSERT_TRUE(problems.ok()) << problems.status().message();
  ASSERT_EQ(problems->size(), 3u);
  EXPECT_EQ((*problems)[0].id, "a");
  EXPECT_EQ((*problems)[0].text, "1+1?");
  EXPECT_EQ((*problems)[0].expected_answer, "2");
  EXPECT_EQ((*problems)[0].fields.at("level"), "3");
  EXPECT_EQ((*problems)[1].id, "3");  // The line's number.
  EXPECT_EQ((*problems)[1].expected_answer, "4");
  EXPECT_EQ((*problems)[2].id, "17");
  EXPECT_EQ((*problems)[2].expected_answer, std::nullopt);
}

TEST(ParseProblems, TakesTheUsualNamesInTurnAndThoseThatAreGiven) {
  const auto problems = ParseProblems(
      "{\"question\": \"1+1?\", \"answer\": \"One and one.\\n#### 1,002\", \"prompt\": \"p\"}\n"
      "{\"problem\": \"2+2?\", \"expected_answer\": null, \"answer\": 4}\n"
      "{\"input\": \"3+3?\", \"final_answer\": [\"6\"]}\n"
      "{\"prompt\": \"4+4?\", \"answer\": \"a #### b\\nc\"}\n",
      "p.jsonl");
  ASSERT_TRUE(problems.ok()) << problems.status().message();
  EXPECT_EQ((*problems)[0].text, "1+1?");
  EXPECT_EQ((*problems)[0].fields.at("problem"), "1+1?");
  EXPECT_EQ((*problems)[0].expected_answer, "1002");
  EXPECT_EQ((*problems)[1].expected_answer, "4");
  EXPECT_EQ((*problems)[2].expected_answer, "6");
  EXPECT_EQ((*problems)[3].expected_answer, "a #### b\nc");

  const std::string row = "{\"problem\": \"x\", \"aufgabe\": \"y\", \"loesung\": \"5\"}\n";
  const auto named = ParseProblems(row, "p.jsonl", {"aufgabe", "loesung"});
  ASSERT_TRUE(named.ok()) << named.status().message();
  EXPECT_EQ((*named)[0].text, "y");
  EXPECT_EQ((*named)[0].fields.at("problem"), "y");
  EXPECT_EQ((*named)[0].expected_answer, "5");
  EXPECT_THAT(
      ParseProblems(row, "p.jsonl", {"frage", ""}).status().message(),
      HasSubstr("p.jsonl line 1: lacks the column \"frage\" that --problem-field names; its "
                "columns: aufgabe, loesung, problem"));
}

TEST(ParseProblems, ReadsOtherKindsOfFiles) {
  const auto problems =
      ParseProblems("id,question,answer\na,1+1?,2\nb,\"2+2, or\nmore?\",\n", "p.csv");
  ASSERT_TRUE(problems.ok()) << problems.status().message();
  EXPECT_EQ((*problems)[0].json, "{\"id\":\"a\",\"question\":\"1+1?\",\"answer\":\"2\"}");
  EXPECT_EQ((*problems)[1].text, "2+2, or\nmore?");
  EXPECT_EQ((*problems)[1].expected_answer, std::nullopt);
}

TEST(FindSolution, TakesTheUsualNamesInTurnAndTheOneThatIsGiven) {
  const auto find = [](const std::string& json, const std::string& name) {
    const Result<std::string> solution =
        FindSolution({.number = 1, .json = json, .object = nlohmann::json::parse(json)}, name);
    return solution.ok() ? *solution : solution.status().message();
  };
  EXPECT_EQ(find("{\"generated_solution\": \"a\", \"solution\": \"b\"}", ""), "a");
  EXPECT_EQ(find("{\"generated_solution\": \"a\", \"solution\": \"b\"}", "solution"), "b");
  EXPECT_EQ(find("{\"answer\": \"Thus:\\n#### 5\"}", ""), "Thus:\n#### 5");
  EXPECT_THAT(find("{\"answer\": \"5\"}", ""), HasSubstr("has no solution: none of generation, "));
  EXPECT_THAT(find("{\"answer\": \"5\"}", "x"), HasSubstr("--solution-field"));
}

TEST(ParseProblems, NumbersKeepTheirDigits) {
  for (const char* digits :
       {"18446744073709551616", "-9223372036854775809", "123456789.123456789123", "1.50",
        "0.12345678901234567890", "1267650600228229401496703205376"}) {
    const auto problems =
        ParseProblems(std::string("{\"problem\": \"x\", \"id\": ") + digits +
                          ",\"expected_answer\":" + digits + " , \"level\" :" + digits + "}",
                      "p.jsonl");
    ASSERT_TRUE(problems.ok()) << problems.status().message();
    EXPECT_EQ((*problems)[0].id, digits);
    EXPECT_EQ((*problems)[0].expected_answer, digits);
    EXPECT_EQ((*problems)[0].fields.at("level"), digits);
  }
  const auto two = ParseProblems(
      "{\"problem\":\"a\",\"id\":100000000000000000001}\n"
      "{\"problem\":\"b\",\"id\":100000000000000000002}",
      "p.jsonl");
  EXPECT_TRUE(two.ok()) << two.status().message();
  EXPECT_EQ((*ParseProblems("{\"problem\":\"a\",\"expected_answer\":1e3}", "p"))[0].expected_answer,
            "1000.0");
}

TEST(ParseProblems, SkipsAByteOrderMark) {
  EXPECT_TRUE(ParseProblems("\xEF\xBB\xBF{\"problem\": \"x\"}\n", "p.jsonl").ok());
}

struct BadCase {
  std::string text;
  const char* message;
};

TEST(ParseProblems, NamesFileAndLineOfWhatIsWrong) {
  const std::string good = "{\"problem\": \"x\"}\n";
  const BadCase kCases[] = {
      {"", "p.jsonl holds no problems"},
      {"\n \n", "p.jsonl holds no problems"},
      {good + "{\"problem\": \"x\"", "p.jsonl line 2"},
      {good + "not json\n", "p.jsonl line 2"},
      {"[1]\n", "p.jsonl line 1: is not a JSON object"},
      {"{\"text\": \"x\"}\n",
       "p.jsonl line 1: has no problem: none of problem, question, prompt, input, is among its "
       "columns (text); name one with --problem-field"},
      {"{\"problem\": 5}\n", "p.jsonl line 1: \"problem\" is not a string"},
      {"{\"problem\": \" \"}\n", "p.jsonl line 1: \"problem\" is empty"},
      {"{\"problem\": \"" + std::string(kMaxProblemBytes + 1, 'x') + "\"}\n", "bytes; at most"},
      {"{\"problem\": \"x\", \"id\": []}\n", "\"id\" is neither a string nor a number"},
      {"{\"problem\": \"x\", \"id\": \"\"}\n", "\"id\" is empty"},
      {"{\"problem\": \"x\", \"expected_answer\": {}}\n", "\"expected_answer\" is neither"},
      {"{\"problem\": \"x\", \"id\": 1}\n{\"problem\": \"y\", \"id\": \"1\"}\n",
       "p.jsonl line 2: id \"1\" was given before"},
  };
  for (const BadCase& c : kCases) {
    const auto problems = ParseProblems(c.text, "p.jsonl");
    ASSERT_FALSE(problems.ok()) << c.message;
    EXPECT_THAT(problems.status().message(), HasSubstr(c.message));
    EXPECT_THAT(problems.status().message(), Not(HasSubstr("\n")));
  }
}

TEST(ReadProblems, SaysThatAFileIsMissing) {
  const TempDir dir;
  const auto problems = ReadProblems(dir.File("none.jsonl"));
  ASSERT_FALSE(problems.ok());
  EXPECT_EQ(problems.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(problems.status().message(), HasSubstr("none.jsonl"));
}

}  // namespace
}  // namespace qed
