#include "solve/report_page.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "solve/svg_chart.h"

namespace qed {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHostile = "<script>alert('x')</script>\"&\x01\xFF";

TEST(EscapeHtml, LeavesNothingThatCouldBeMarkup) {
  EXPECT_EQ(EscapeHtml(kHostile),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(EscapeHtml("\xC3\xA9 \xE2\x88\x92 \xF0\x9F\x98\x80"),
            "\xC3\xA9 \xE2\x88\x92 \xF0\x9F\x98\x80");
  EXPECT_EQ(EscapeHtml("\xE2\x88"), "\xEF\xBF\xBD\xEF\xBF\xBD");  // Cut off in a character.
  EXPECT_EQ(EscapeHtml("\xC0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD");  // Overlong.
}

TEST(LineChart, DrawsAPointForEveryFiniteValue) {
  const std::string svg = LineChart({{kHostile, {1, 50, 0.0 / 0.0, 100}}}, 100, "samples");
  size_t circles = 0;
  for (size_t at = svg.find("<circle"); at != std::string::npos; at = svg.find("<circle", at + 1)) {
    ++circles;
  }
  EXPECT_EQ(circles, 3u);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
}

TEST(BarChart, StandsWithoutBarsAndWithHugeOnes) {
  EXPECT_THAT(BarChart({}, ""), HasSubstr("</svg>"));
  const std::string svg = BarChart({{"a", 1e300, ""}, {"b", 1.0 / 0.0, ""}, {"c", 0, ""}}, " s");
  EXPECT_THAT(svg, HasSubstr("class=\"bar\""));
  EXPECT_THAT(svg, Not(HasSubstr("width=\"nan")));
}

Sample MakeSample(const std::string& id, int32_t index, const std::string& answer, bool correct) {
  Sample sample;
  sample.problem_id = id;
  sample.index = index;
  sample.answer = answer;
  sample.correct = correct;
  sample.transcript.generated_tokens = 10;
  sample.transcript.code_calls = {{ExecuteResult::ProcessStatus::kTimeout, 2.0, true}};
  sample.problem_seconds = 3;
  return sample;
}

RunRecords Records(const std::string& id, const std::string& answer) {
  RunRecords records;
  Problem problem;
  problem.id = id;
  problem.expected_answer = "7";
  records.problems = {problem};
  records.samples = {{MakeSample(id, 0, "7", true), MakeSample(id, 1, answer, false)}};
  records.samples[0][1].finish = SampleFinish::kDeadline;
  records.samples[0][1].stopped_by = "time";
  return records;
}

TEST(ReportPage, TellsWhatTheRunWas) {
  const std::string page = ReportPage(Records("p1", "8"), "A run");
  for (const char* text :
       {"<title>A run</title>", "1 problems, 2 samples each, 20 tokens, 2 programs",
        "50.0 % of samples, 100.0 % by majority", "Accuracy against samples", "Tokens per problem",
        "Time per problem", "Votes per problem", "<td>timeout</td><td>2</td>", "2000.0 ms each",
        "<td>time</td><td>1</td>", "<td>deadline</td><td>1</td>", "2 of 2"}) {
    EXPECT_THAT(page, HasSubstr(text));
  }
}

TEST(ReportPage, StandsAloneAndRunsNothing) {
  const std::string page = ReportPage(Records(kHostile, kHostile), kHostile);
  for (const char* text : {"<script", "http://", "https://", "src=", "href=", "url(", "alert('"}) {
    EXPECT_THAT(page, Not(HasSubstr(text)));
  }
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST(ReportPage, DoesWithoutExpectedAnswersAndPrograms) {
  RunRecords records = Records("p1", "8");
  records.problems[0].expected_answer.reset();
  for (Sample& sample : records.samples[0]) {
    sample.correct.reset();
    sample.transcript.code_calls.clear();
  }
  const std::string page = ReportPage(records, "A run");
  EXPECT_THAT(page, Not(HasSubstr("Accuracy")));
  EXPECT_THAT(page, HasSubstr("None were run."));
}

}  // namespace
}  // namespace qed
