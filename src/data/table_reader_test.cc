#include "data/table_reader.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class TableReaderTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& content) {
    std::ofstream(dir_.File(name), std::ios::binary) << content;
    return dir_.File(name);
  }

  // Every row as "number:json", and the error at the end, if there is one.
  std::vector<std::string> Rows(const std::string& path) {
    auto table = OpenTable(path);
    if (!table.ok()) return {table.status().message()};
    std::vector<std::string> rows;
    while (true) {
      auto row = (*table)->Next();
      if (!row.ok()) rows.push_back(row.status().message());
      if (!row.ok() || !*row) return rows;
      EXPECT_EQ((*row)->object, nlohmann::json::parse((*row)->json));
      rows.push_back(std::to_string((*row)->number) + ":" + (*row)->json);
    }
  }

  const TempDir dir_;
};

TEST_F(TableReaderTest, JsonLinesComeAsTheyAre) {
  const std::string path =
      Write("a.jsonl", "\xEF\xBB\xBF{\"a\":  1}\n\n \t\r\n{\"b\": \"x\"}\r\n{\"c\": [2]}");
  EXPECT_THAT(Rows(path), ElementsAre("1:{\"a\":  1}", "4:{\"b\": \"x\"}\r", "5:{\"c\": [2]}"));
  EXPECT_THAT(Rows(Write("empty.jsonl", "")), ElementsAre());
}

TEST_F(TableReaderTest, LinesMayCrossTheReadersBuffer) {
  std::string content, expected;
  for (int i = 0; i < 40; ++i) {
    content += "{\"a\": \"" + std::string(20'000 + 997 * static_cast<size_t>(i), 'x') + "\"}\n";
  }
  const std::vector<std::string> rows = Rows(Write("a.jsonl", content));
  ASSERT_EQ(rows.size(), 40u);
  std::string again;
  for (const std::string& row : rows) again += row.substr(row.find(':') + 1) + "\n";
  EXPECT_EQ(again, content);
}

TEST_F(TableReaderTest, CommaAndTabSeparatedValues) {
  const std::string csv = Write("a.csv",
                                "\xEF\xBB\xBFquestion,answer,note\r\n"
                                "\"What is 1, and\n2?\",3,\r\n"
                                "\r\n"
                                "\"say \"\"x\"\"\",\"\",b c\n"
                                ",,");
  EXPECT_THAT(Rows(csv),
              ElementsAre("2:{\"question\":\"What is 1, and\\n2?\",\"answer\":\"3\",\"note\":null}",
                          "5:{\"question\":\"say \\\"x\\\"\",\"answer\":\"\",\"note\":\"b c\"}",
                          "6:{\"question\":null,\"answer\":null,\"note\":null}"));
  EXPECT_THAT(Rows(Write("a.tsv", "a\tb\n1,5\t\"x\ty\"\n")),
              ElementsAre("2:{\"a\":\"1,5\",\"b\":\"x\\ty\"}"));
  EXPECT_THAT(Rows(Write("latin.csv", "a\nfa\xE7on\n")), ElementsAre("2:{\"a\":\"fa\uFFFDon\"}"));
}

TEST_F(TableReaderTest, WhatIsWrongIsOneLineThatNamesThePlace) {
  const struct {
    const char* name;
    std::string content;
    const char* message;
  } kCases[] = {
      {"a.jsonl", "{\"a\": 1}\nno\n", "a.jsonl line 2: "},
      {"a.jsonl", "[1]\n", "a.jsonl line 1: is not a JSON object"},
      {"a.csv", "", "a.csv holds no rows"},
      {"a.csv", "a,a\n", "a.csv line 1: two columns are called \"a\""},
      {"a.csv", "\"a\nb\",\"a\nb\"\n", "a.csv line 1: two columns are called \"a\\nb\""},
      {"a.csv", "a,b\n1,2\n1,2,3\n", "a.csv line 3 has 3 cells, but the first line names 2"},
      {"a.csv", "a\n\"x\ny", "a.csv line 2: a quote is opened and never closed"},
      {"a.csv", "a\n\"x\"y\n", "a.csv line 2: text behind a closing quote"},
      {"a.parquet", "PK", "a.parquet does not begin as a Parquet file does"},
      {"a.jsonl", "\x1f\x8b\x08", "a.jsonl is compressed with gzip"},
  };
  for (const auto& c : kCases) {
    const std::vector<std::string> rows = Rows(Write(c.name, c.content));
    ASSERT_FALSE(rows.empty()) << c.message;
    EXPECT_THAT(rows.back(), HasSubstr(c.message));
    EXPECT_THAT(rows.back(), Not(HasSubstr("\n")));
  }
  EXPECT_EQ(OpenTable(dir_.File("none")).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(OpenTable(dir_.path()).status().code(), StatusCode::kIoError);
}

TEST_F(TableReaderTest, EndlessLinesAreRefused) {
  const std::vector<std::string> rows =
      Rows(Write("a.jsonl", "{}\n" + std::string(kMaxRowBytes + 1, ' ')));
  EXPECT_THAT(rows.back(), HasSubstr("a.jsonl line 2 is longer than"));
}

TEST_F(TableReaderTest, OneColumnOfTexts) {
  const std::string path =
      Write("a.jsonl", "{\"text\": \"x\"}\n{\"text\": \"y\"}\n{\"t\": 1, \"u\": 2}\n");
  EXPECT_THAT(*ReadTextColumn(path, "text", 2), ElementsAre("x", "y"));
  EXPECT_THAT(ReadTextColumn(path, "text", 0).status().message(),
              HasSubstr("line 3 has no text in the column \"text\"; its columns: t, u"));
  EXPECT_FALSE(ReadTextColumn(Write("none.jsonl", "\n"), "text", 0).ok());
}

}  // namespace
}  // namespace qed
