// tokenizer.json and tokenizer_config.json to a TokenizerDefinition.
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "nlohmann/json.hpp"
#include "text/hf_pipeline.h"
#include "text/tokenizer_definition.h"

namespace qed {
namespace {

using nlohmann::json;

// Options of the model that change what it does and that we do not have.
Status CheckModelOptions(const json& model) {
  QED_ASSIGN_OR_RETURN(const std::string type, StringMember(model, "type", "BPE"));
  if (type != "BPE") {
    return Unsupported("model " + QuotedForMessage(type) + " is not byte-level BPE");
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    QED_ASSIGN_OR_RETURN(const std::string text, StringMember(model, key, ""));
    if (!text.empty()) return Unsupported(std::string("model: ") + key + " is not supported");
  }
  QED_ASSIGN_OR_RETURN(const bool byte_fallback, BoolMember(model, "byte_fallback", false));
  if (byte_fallback) return Unsupported("model: byte_fallback is not byte-level BPE");
  const json* dropout = FindMember(model, "dropout");
  if (dropout != nullptr && *dropout != 0.0) {
    return Unsupported("model: dropout is for training only");
  }
  return OkStatus();
}

Result<VocabToken> ReadVocabToken(const std::string& text, const json& id) {
  if (!id.is_number_integer() || id < 0 || id >= kMaxVocabSize) {
    return Corrupt("token " + QuotedForMessage(text) + " has the impossible id " + DumpJson(id));
  }
  if (text.size() > kMaxTokenBytes) {
    return Corrupt("token " + id.dump() + " has more than " + std::to_string(kMaxTokenBytes) +
                   " bytes");
  }
  return VocabToken{text, id.get<int32_t>()};
}

Status ReadVocab(const json& model, TokenizerDefinition& out) {
  const json* vocab = FindMember(model, "vocab");
  if (vocab == nullptr || !vocab->is_object()) return Corrupt("model has no vocab");
  out.vocab.reserve(vocab->size());
  for (const auto& [text, id] : vocab->items()) {
    QED_ASSIGN_OR_RETURN(VocabToken token, ReadVocabToken(text, id));
    out.vocab.push_back(std::move(token));
  }
  QED_ASSIGN_OR_RETURN(const std::string unknown, StringMember(model, "unk_token", ""));
  if (unknown.empty()) return OkStatus();
  const json* id = FindMember(*vocab, unknown.c_str());
  if (id == nullptr) return Corrupt("unk_token " + QuotedForMessage(unknown) + " is not in vocab");
  out.unknown_token_id = id->get<int32_t>();
  return OkStatus();
}

// A merge is ["left", "right"], or "left right" in older files, where lines
// that start with "#version" do not count.
Status ReadMerges(const json& model, TokenizerDefinition& out) {
  const json* merges = FindMember(model, "merges");
  if (merges == nullptr || !merges->is_array()) return Corrupt("model has no merges");
  out.merges.reserve(merges->size());
  for (const json& merge : *merges) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      out.merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
      continue;
    }
    const std::string text = merge.is_string() ? merge.get<std::string>() : "";
    if (text.starts_with("#version")) continue;
    const size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
      return Corrupt("merge " + std::to_string(out.merges.size()) + " is not two tokens");
    }
    out.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  return OkStatus();
}

Result<AddedToken> ReadAddedToken(const json& entry) {
  AddedToken token;
  QED_ASSIGN_OR_RETURN(token.text, StringMember(entry, "content", ""));
  const json* id = FindMember(entry, "id");
  if (id == nullptr) return Corrupt("added token " + QuotedForMessage(token.text) + " has no id");
  QED_ASSIGN_OR_RETURN(const VocabToken checked, ReadVocabToken(token.text, *id));
  token.id = checked.id;
  QED_ASSIGN_OR_RETURN(token.special, BoolMember(entry, "special", false));
  QED_ASSIGN_OR_RETURN(token.single_word, BoolMember(entry, "single_word", false));
  QED_ASSIGN_OR_RETURN(token.lstrip, BoolMember(entry, "lstrip", false));
  QED_ASSIGN_OR_RETURN(token.rstrip, BoolMember(entry, "rstrip", false));
  QED_ASSIGN_OR_RETURN(token.normalized, BoolMember(entry, "normalized", true));
  return token;
}

Status ReadAddedTokens(const json& root, TokenizerDefinition& out) {
  const json* added = FindMember(root, "added_tokens");
  if (added == nullptr) return OkStatus();
  if (!added->is_array()) return Corrupt("added_tokens is not a list");
  for (const json& entry : *added) {
    QED_ASSIGN_OR_RETURN(AddedToken token, ReadAddedToken(entry));
    if (!token.text.empty()) out.added.push_back(std::move(token));
  }
  return OkStatus();
}

// tokenizer_config.json writes a token as its text or as an object with it.
Result<std::string> ConfigToken(const json& config, const char* key) {
  const json* member = FindMember(config, key);
  if (member != nullptr && member->is_object()) return StringMember(*member, "content", "");
  return StringMember(config, key, "");
}

Result<int32_t> ConfigTokenId(const json& config, const char* key,
                              const TokenizerDefinition& definition, int32_t fallback) {
  QED_ASSIGN_OR_RETURN(const std::string text, ConfigToken(config, key));
  if (text.empty()) return fallback;
  for (const AddedToken& token : definition.added) {
    if (token.text == text) return token.id;
  }
  for (const VocabToken& token : definition.vocab) {
    if (token.text == text) return token.id;
  }
  return Corrupt(std::string(key) + " " + QuotedForMessage(text) + " is not in the vocabulary");
}

// The template, or of several the one named "default". A file of its own comes
// before the one in tokenizer_config.json.
Result<std::string> ChatTemplate(const json& config, const std::string& own_file) {
  const json* member = FindMember(config, "chat_template");
  if (!own_file.empty() || member == nullptr) return own_file;
  if (!member->is_array()) return StringMember(config, "chat_template", "");
  for (const json& entry : *member) {
    QED_ASSIGN_OR_RETURN(const std::string name, StringMember(entry, "name", ""));
    if (name == "default") return StringMember(entry, "template", "");
  }
  return std::string();
}

Status ReadTokenizerConfig(const TokenizerSpec& spec, TokenizerDefinition& out) {
  json config = json::object();
  if (!spec.tokenizer_config_json.empty()) {
    QED_ASSIGN_OR_RETURN(config, ParseJson(spec.tokenizer_config_json));
  }
  const int32_t template_bos = out.bos_token_id;
  QED_ASSIGN_OR_RETURN(out.bos_token_id,
                       ConfigTokenId(config, "bos_token", out, spec.bos_token_id));
  QED_ASSIGN_OR_RETURN(out.eos_token_id,
                       ConfigTokenId(config, "eos_token", out, spec.eos_token_id));
  // What the post-processor puts in front is the one that counts.
  if (template_bos >= 0) out.bos_token_id = template_bos;
  QED_ASSIGN_OR_RETURN(const bool add_bos,
                       BoolMember(config, "add_bos_token", out.add_bos_by_default));
  out.add_bos_by_default = out.add_bos_by_default || (add_bos && out.bos_token_id >= 0);
  QED_ASSIGN_OR_RETURN(out.chat_template, ChatTemplate(config, spec.chat_template));
  return OkStatus();
}

}  // namespace

Result<TokenizerDefinition> ReadHfTokenizer(const TokenizerSpec& spec) {
  QED_ASSIGN_OR_RETURN(const json root, ParseJson(spec.tokenizer_json));
  TokenizerDefinition out;
  const json* model = FindMember(root, "model");
  if (model == nullptr) return Corrupt("no model in it");
  QED_RETURN_IF_ERROR(CheckModelOptions(*model));
  QED_RETURN_IF_ERROR(ReadVocab(*model, out));
  QED_RETURN_IF_ERROR(ReadMerges(*model, out));
  QED_ASSIGN_OR_RETURN(out.ignore_merges, BoolMember(*model, "ignore_merges", false));
  QED_ASSIGN_OR_RETURN(out.fuse_unknown, BoolMember(*model, "fuse_unk", false));
  QED_RETURN_IF_ERROR(ReadAddedTokens(root, out));
  QED_RETURN_IF_ERROR(ReadHfPipeline(root, out));
  Status config = ReadTokenizerConfig(spec, out);
  if (!config.ok()) return config.WithPrefix("tokenizer_config.json");
  return out;
}

}  // namespace qed
