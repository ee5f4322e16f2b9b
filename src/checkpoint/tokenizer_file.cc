#include "checkpoint/tokenizer_file.h"

#include "base/json.h"
#include "checkpoint/json_fields.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxBytes = size_t{256} << 20;

template <typename T>
Status ReadList(const Json& object, const char* key, std::vector<T>& list) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) {
    return Corrupt(std::string("has no list ") + key);
  }
  for (const Json& item : *found) {
    bool good = false;
    if constexpr (std::is_same_v<T, std::string>) {
      good = item.is_string();
    } else {
      good = item.is_number_integer();
    }
    if (!good) return Corrupt(std::string(key) + " holds something of another type");
    list.push_back(item.get<T>());
  }
  return OkStatus();
}

bool SameText(const TokenizerSpec& a, const TokenizerSpec& b) {
  return a.tokens == b.tokens && a.merges == b.merges && a.chat_template == b.chat_template &&
         a.model == b.model && a.pre == b.pre;
}

}  // namespace

Result<std::string> TokenizerSpecJson(const TokenizerSpec& spec) {
  const Json object = {{"model", spec.model},
                       {"pre", spec.pre},
                       {"tokens", spec.tokens},
                       {"token_types", spec.token_types},
                       {"merges", spec.merges},
                       {"bos_token_id", spec.bos_token_id},
                       {"eos_token_id", spec.eos_token_id},
                       {"padding_token_id", spec.padding_token_id},
                       {"add_bos_token", spec.add_bos_token},
                       {"chat_template", spec.chat_template}};
  std::string text = DumpJson(object) + "\n";
  QED_ASSIGN_OR_RETURN(const TokenizerSpec back, ParseTokenizerSpec(text));
  if (!SameText(spec, back)) {
    return Unsupported("the tokenizer has texts that are not UTF-8, which JSON cannot hold");
  }
  return text;
}

Result<TokenizerSpec> ParseTokenizerSpec(std::string_view text) {
  QED_ASSIGN_OR_RETURN(const Json object, ParseJsonObject(text, kMaxBytes));
  const JsonFields fields(object);
  TokenizerSpec spec;
  QED_ASSIGN_OR_RETURN(spec.model, fields.String("model"));
  QED_ASSIGN_OR_RETURN(spec.pre, fields.String("pre"));
  QED_RETURN_IF_ERROR(ReadList(object, "tokens", spec.tokens));
  QED_RETURN_IF_ERROR(ReadList(object, "token_types", spec.token_types));
  QED_RETURN_IF_ERROR(ReadList(object, "merges", spec.merges));
  QED_ASSIGN_OR_RETURN(spec.bos_token_id, fields.Int("bos_token_id"));
  QED_ASSIGN_OR_RETURN(spec.eos_token_id, fields.Int("eos_token_id"));
  QED_ASSIGN_OR_RETURN(spec.padding_token_id, fields.Int("padding_token_id"));
  QED_ASSIGN_OR_RETURN(spec.add_bos_token, fields.Bool("add_bos_token", false));
  QED_ASSIGN_OR_RETURN(spec.chat_template, fields.String("chat_template"));
  return spec;
}

}  // namespace qed
