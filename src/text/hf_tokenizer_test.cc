#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "text/test_tokenizers.h"
#include "text/tokenizer.h"

namespace qed {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kQwen2Pattern[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

json SplitThenBytes(const std::string& pattern) {
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"},
             {"pattern", {{"Regex", pattern}}},
             {"behavior", "Isolated"},
             {"invert", false}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
}

TEST(HfTokenizerTest, SameAsTheGgufForm) {
  const auto hf = MakeTokenizer(HfSpec(SmallTokenizerJson()));
  const auto gguf = MakeTokenizer(SmallGgufSpec());
  for (const char* text : {"hello hello", "<s>hell o<tool>", "1234 \n\n x", "\xFF\xC3"}) {
    EXPECT_EQ(hf->Encode(text), gguf->Encode(text)) << text;
  }
  EXPECT_EQ(hf->vocab_size(), gguf->vocab_size());
  EXPECT_EQ(hf->bos_token_id(), -1);
  EXPECT_EQ(hf->Encode("hello", {.add_bos = true}).size(), 1u);
}

TEST(HfTokenizerTest, MergesAsPairsAndAsLines) {
  json root = SmallTokenizerJson();
  root["model"]["merges"] = json::array({"#version: 0.2", "h e", json::array({"l", "l"})});
  EXPECT_THAT(MakeTokenizer(HfSpec(root))->Encode("hell"), ElementsAre(256, 257));
}

TEST(HfTokenizerTest, IgnoreMergesTakesAWholeWord) {
  json root = SmallTokenizerJson();
  root["model"]["merges"] = json::array();
  EXPECT_EQ(MakeTokenizer(HfSpec(root))->Encode("hello").size(), 5u);
  root["model"]["ignore_merges"] = true;
  EXPECT_THAT(MakeTokenizer(HfSpec(root))->Encode("hello hello"), ElementsAre(259, 260));
}

TEST(HfTokenizerTest, NormalizesToNfcAroundRawAddedTokens) {
  json root = SmallTokenizerJson();
  root["normalizer"] = {{"type", "NFC"}};
  root["added_tokens"].push_back(
      {{"id", 263}, {"content", "e\u0301!"}, {"normalized", false}, {"special", false}});
  root["added_tokens"].push_back(
      {{"id", 264}, {"content", "e\u0301?"}, {"normalized", true}, {"special", false}});
  const auto tokenizer = MakeTokenizer(HfSpec(root));
  EXPECT_THAT(tokenizer->Encode("e\u0301"), ElementsAre(0xC3, 0xA9));
  EXPECT_THAT(tokenizer->Encode("e\u0301!\u00E9!"), ElementsAre(263, 0xC3, 0xA9, '!'));
  EXPECT_THAT(tokenizer->Encode("e\u0301?\u00E9?"), ElementsAre(264, 264));
  EXPECT_EQ(tokenizer->Decode({263, 264}), "e\u0301!\u00E9?");
}

TEST(HfTokenizerTest, ReadsPreTokenizers) {
  json root = SmallTokenizerJson();
  root["model"]["vocab"]["12"] = 300;
  root["model"]["merges"].push_back("1 2");
  EXPECT_THAT(MakeTokenizer(HfSpec(root))->Encode("12"), ElementsAre(300));
  root["pre_tokenizer"] = SplitThenBytes(kQwen2Pattern);
  EXPECT_THAT(MakeTokenizer(HfSpec(root))->Encode("12"), ElementsAre('1', '2'));
  root["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Digits"}, {"individual_digits", true}},
        {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}}}};
  EXPECT_THAT(MakeTokenizer(HfSpec(root))->Encode("12"), ElementsAre('1', '2'));
}

TEST(HfTokenizerTest, UnknownBytesBecomeTheUnknownToken) {
  json root = SmallTokenizerJson();
  root["model"]["vocab"].erase("z");
  root["model"]["unk_token"] = "a";
  EXPECT_THAT(MakeTokenizer(HfSpec(root))->Encode("bzzb"), ElementsAre('b', 'a', 'a', 'b'));
  root["model"]["fuse_unk"] = true;
  EXPECT_THAT(MakeTokenizer(HfSpec(root))->Encode("bzzb"), ElementsAre('b', 'a', 'b'));
}

TEST(HfTokenizerTest, TemplateSetsTheFirstToken) {
  json root = SmallTokenizerJson();
  root["post_processor"] = json::parse(R"({
    "type": "Sequence", "processors": [
      {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
      {"type": "TemplateProcessing",
       "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                  {"Sequence": {"id": "A", "type_id": 0}}],
       "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [261], "tokens": ["<s>"]}}}]})");
  const auto tokenizer = MakeTokenizer(HfSpec(root));
  EXPECT_EQ(tokenizer->bos_token_id(), 261);
  EXPECT_TRUE(tokenizer->add_bos_by_default());
}

TEST(HfTokenizerTest, ReadsTheConfigFile) {
  const json config = json::parse(R"({"bos_token": {"content": "<s>"}, "eos_token": "<tool>",
    "add_bos_token": true, "chat_template": [{"name": "x", "template": "no"},
                                             {"name": "default", "template": "yes"}]})");
  const auto tokenizer = MakeTokenizer(HfSpec(SmallTokenizerJson(), config));
  EXPECT_EQ(tokenizer->bos_token_id(), 261);
  EXPECT_EQ(tokenizer->eos_token_id(), 262);
  EXPECT_TRUE(tokenizer->add_bos_by_default());
  EXPECT_EQ(tokenizer->chat_template(), "yes");
  TokenizerSpec spec = HfSpec(SmallTokenizerJson(), config);
  spec.chat_template = "a file of its own";
  EXPECT_EQ(MakeTokenizer(spec)->chat_template(), "a file of its own");
}

// What Create says to a tokenizer.json that `change` was done to.
std::string ErrorAfter(const std::function<void(json&)>& change) {
  json root = SmallTokenizerJson();
  change(root);
  const std::string error = CreateError(HfSpec(root));
  EXPECT_THAT(error, ::testing::StartsWith("small/tokenizer.json: "));
  return error;
}

TEST(HfTokenizerTest, NamesWhatItCannotDo) {
  EXPECT_THAT(ErrorAfter([](json& r) { r["model"]["type"] = "Unigram"; }), HasSubstr("Unigram"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["model"]["byte_fallback"] = true; }),
              HasSubstr("byte_fallback"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["model"]["end_of_word_suffix"] = "</w>"; }),
              HasSubstr("end_of_word_suffix"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["model"]["dropout"] = 0.1; }), HasSubstr("dropout"));
  EXPECT_THAT(ErrorAfter([](json& r) {
                r["normalizer"] = {{"type", "Lowercase"}};
              }),
              HasSubstr("normalizer \"Lowercase\""));
  EXPECT_THAT(ErrorAfter([](json& r) {
                r["pre_tokenizer"] = {{"type", "Metaspace"}};
              }),
              HasSubstr("pre_tokenizer \"Metaspace\""));
  EXPECT_THAT(ErrorAfter([](json& r) { r["pre_tokenizer"] = nullptr; }), HasSubstr("ByteLevel"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["pre_tokenizer"]["add_prefix_space"] = true; }),
              HasSubstr("add_prefix_space"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["pre_tokenizer"] = SplitThenBytes("\\w+"); }),
              HasSubstr("the pattern \"\\\\w+\""));
  EXPECT_THAT(ErrorAfter([](json& r) { r["decoder"] = {{"type", "Fuse"}}; }), HasSubstr("Fuse"));
  EXPECT_THAT(ErrorAfter([](json& r) {
                r["post_processor"] = {{"type", "BertProcessing"}};
              }),
              HasSubstr("BertProcessing"));
  EXPECT_THAT(
      ErrorAfter([](json& r) {
        r["post_processor"] = {
            {"type", "TemplateProcessing"},
            {"single", {{{"Sequence", {{"id", "A"}}}}, {{"SpecialToken", {{"id", "<s>"}}}}}}};
      }),
      HasSubstr("only one token before the text"));
}

TEST(HfTokenizerTest, NamesContradictions) {
  EXPECT_THAT(ErrorAfter([](json& r) { r.erase("model"); }), HasSubstr("no model"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["model"]["vocab"] = 7; }), HasSubstr("no vocab"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["model"]["vocab"]["he"] = 255; }),
              HasSubstr("id 255 is given to two tokens"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["model"]["vocab"]["he"] = -1; }),
              HasSubstr("impossible id -1"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["model"]["vocab"]["he"] = 1e18; }),
              HasSubstr("impossible id"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["model"]["vocab"]["he"] = 4000000000u; }),
              HasSubstr("impossible id 4000000000"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["model"]["merges"][0] = 5; }),
              HasSubstr("merge 0 is not two tokens"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["added_tokens"][0]["id"] = 259; }),
              HasSubstr("contradict the vocabulary"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["added_tokens"][0]["content"] = "he"; }),
              HasSubstr("contradict the vocabulary"));
  EXPECT_THAT(ErrorAfter([](json& r) { r["added_tokens"][0]["lstrip"] = "yes"; }),
              HasSubstr("lstrip is not true or false"));
}

TEST(HfTokenizerTest, ReportsBadFiles) {
  TokenizerSpec spec = HfSpec(SmallTokenizerJson());
  spec.tokenizer_json.resize(spec.tokenizer_json.size() / 2);
  EXPECT_THAT(CreateError(spec), HasSubstr("small/tokenizer.json"));
  spec.tokenizer_json.clear();
  EXPECT_THAT(CreateError(spec), HasSubstr("tokenizer.json is missing"));
  const json config = {{"eos_token", "<none such>"}};
  EXPECT_THAT(CreateError(HfSpec(SmallTokenizerJson(), config)),
              HasSubstr("tokenizer_config.json: eos_token \"<none such>\" is not in the"));
}

}  // namespace
}  // namespace qed
