// Hostile tokenizer.json files: Create gives an error or a tokenizer that can
// encode and decode anything.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "tests/fuzz/fuzz_input.h"
#include "text/detokenizer.h"
#include "text/test_tokenizers.h"
#include "text/tokenizer.h"

namespace {

// The file, then a NUL byte, then the text; without one the file is the text.
void TestOneInput(std::string_view data) {
  qed::TokenizerSpec spec;
  spec.source = "fuzz";
  const size_t end = data.find('\0');
  spec.tokenizer_json = std::string(data.substr(0, end));
  const std::string_view text = end == std::string_view::npos ? data : data.substr(end + 1);

  const auto result = qed::Tokenizer::Create(spec);
  if (!result.ok()) {
    QED_CHECK(result.status().message().find('\n') == std::string::npos)
        << "an error of several lines";
    return;
  }
  const qed::Tokenizer& tokenizer = **result;
  for (const bool parse_special : {false, true}) {
    std::vector<int32_t> ids =
        tokenizer.Encode(text, {.add_bos = true, .parse_special = parse_special});
    for (const int32_t id : ids) QED_CHECK(id >= 0 && id < tokenizer.vocab_size());
    ids.push_back(tokenizer.vocab_size());
    tokenizer.Decode(ids);
    qed::Detokenizer detokenizer(tokenizer);
    std::string out;
    for (const int32_t id : ids) detokenizer.Push(id, out);
    detokenizer.Finish(out);
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const std::string text = std::string(1, '\0') + "hello h\xc3\xa9llo <tool><s>\xff 123";
  nlohmann::json small = qed::SmallTokenizerJson();
  std::vector<std::string> seeds = {small.dump() + text};
  // Few tokens, so that mutations meet what is around them.
  small["model"]["vocab"] = {{"h", 0}, {"e", 1}, {"he", 2}, {"l", 3}, {"<0x41>", 4}};
  small["model"]["merges"] = {{"h", "e"}};
  small["added_tokens"][0]["id"] = 5;
  small["added_tokens"][1]["id"] = 6;
  seeds.push_back(small.dump() + text);
  small["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}}}};
  small["pre_tokenizer"] = nlohmann::json::parse(R"({"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "\\\\p{N}{1,3}"}, "behavior": "Isolated", "invert": false},
      {"type": "Digits", "individual_digits": true},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})");
  small["model"]["byte_fallback"] = true;
  seeds.push_back(small.dump() + text);
  qed::WriteSeeds(*argc, *argv, seeds);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  TestOneInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
