#include "text/hf_pipeline.h"

#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"

namespace qed {
namespace {

using nlohmann::json;

// The regular expressions of pre-tokenizers, as the published files have them.
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// The steps of a part: those of a Sequence (under `list_key`), or the part alone.
Result<std::vector<const json*>> Steps(const json& root, const char* part, const char* list_key) {
  std::vector<const json*> steps;
  const json* whole = FindMember(root, part);
  if (whole == nullptr) return steps;
  QED_ASSIGN_OR_RETURN(const std::string type, StringMember(*whole, "type", ""));
  if (type != "Sequence") {
    steps.push_back(whole);
    return steps;
  }
  const json* list = FindMember(*whole, list_key);
  if (list == nullptr || !list->is_array()) {
    return Corrupt(std::string(part) + ": a Sequence without " + list_key);
  }
  for (const json& step : *list) steps.push_back(&step);
  return steps;
}

Status UnknownStep(const char* part, const std::string& type) {
  return Unsupported(std::string(part) + " " + QuotedForMessage(type) + " is not supported");
}

Status ReadNormalizer(const json& root, TokenizerDefinition& out) {
  QED_ASSIGN_OR_RETURN(const auto steps, Steps(root, "normalizer", "normalizers"));
  for (const json* step : steps) {
    QED_ASSIGN_OR_RETURN(const std::string type, StringMember(*step, "type", ""));
    if (type != "NFC") return UnknownStep("normalizer", type);
    out.nfc = true;
  }
  return OkStatus();
}

Status ReadSplit(const json& split, PreTokenizer& out) {
  if (out.pattern != PreTokenizer::Pattern::kNone) {
    return Unsupported("pre_tokenizer: text is split twice");
  }
  QED_ASSIGN_OR_RETURN(const std::string behavior, StringMember(split, "behavior", ""));
  QED_ASSIGN_OR_RETURN(const bool invert, BoolMember(split, "invert", false));
  const json* pattern = FindMember(split, "pattern");
  if (behavior != (invert ? "Removed" : "Isolated") || pattern == nullptr) {
    return Unsupported("pre_tokenizer: a Split that is not one word per match");
  }
  QED_ASSIGN_OR_RETURN(const std::string regex, StringMember(*pattern, "Regex", ""));
  if (regex == kGpt2Pattern) {
    out.pattern = PreTokenizer::Pattern::kGpt2;
  } else if (regex == kLlama3Pattern) {
    out.pattern = PreTokenizer::Pattern::kLlama3;
  } else if (regex == kQwen2Pattern) {
    out.pattern = PreTokenizer::Pattern::kQwen2;
  } else {
    return Unsupported("pre_tokenizer: the pattern " + QuotedForMessage(regex) +
                       " is not one of GPT-2, Llama 3 and Qwen2");
  }
  return OkStatus();
}

Status ReadByteLevel(const json& step, PreTokenizer& out) {
  QED_ASSIGN_OR_RETURN(const bool add_prefix_space, BoolMember(step, "add_prefix_space", true));
  QED_ASSIGN_OR_RETURN(const bool use_regex, BoolMember(step, "use_regex", true));
  if (add_prefix_space) return Unsupported("pre_tokenizer: add_prefix_space is not supported");
  if (!use_regex) return OkStatus();
  if (out.pattern != PreTokenizer::Pattern::kNone) {
    return Unsupported("pre_tokenizer: text is split twice");
  }
  out.pattern = PreTokenizer::Pattern::kGpt2;
  return OkStatus();
}

Status ReadPreTokenizer(const json& root, PreTokenizer& out) {
  QED_ASSIGN_OR_RETURN(const auto steps, Steps(root, "pre_tokenizer", "pretokenizers"));
  bool byte_level = false;
  for (const json* step : steps) {
    QED_ASSIGN_OR_RETURN(const std::string type, StringMember(*step, "type", ""));
    if (byte_level) return Unsupported("pre_tokenizer: ByteLevel is not its last step");
    if (type == "Digits" && out.digits == PreTokenizer::Digits::kNone &&
        out.pattern == PreTokenizer::Pattern::kNone) {
      QED_ASSIGN_OR_RETURN(const bool single, BoolMember(*step, "individual_digits", false));
      out.digits = single ? PreTokenizer::Digits::kSingle : PreTokenizer::Digits::kRuns;
    } else if (type == "Split") {
      QED_RETURN_IF_ERROR(ReadSplit(*step, out));
    } else if (type == "ByteLevel") {
      QED_RETURN_IF_ERROR(ReadByteLevel(*step, out));
      byte_level = true;
    } else {
      return UnknownStep("pre_tokenizer", type);
    }
  }
  if (!byte_level) return Unsupported("pre_tokenizer: not byte-level BPE (no ByteLevel step)");
  return OkStatus();
}

// The id of a special token that a template names.
Result<int32_t> TemplateTokenId(const json& processor, const std::string& name) {
  const json* tokens = FindMember(processor, "special_tokens");
  const json* token = tokens == nullptr ? nullptr : FindMember(*tokens, name.c_str());
  const json* ids = token == nullptr ? nullptr : FindMember(*token, "ids");
  if (ids == nullptr || !ids->is_array() || ids->size() != 1 || !ids->front().is_number_integer()) {
    return Corrupt("post_processor: no id for " + QuotedForMessage(name));
  }
  const int64_t id = ids->front().get<int64_t>();
  if (id < 0 || id >= kMaxVocabSize) {
    return Corrupt("post_processor: impossible id " + std::to_string(id));
  }
  return static_cast<int32_t>(id);
}

// A template for one text: the text alone, or one token before it.
Status ReadTemplate(const json& processor, TokenizerDefinition& out) {
  const json* single = FindMember(processor, "single");
  if (single == nullptr || !single->is_array() || single->empty() || single->size() > 2 ||
      FindMember(single->back(), "Sequence") == nullptr) {
    return Unsupported("post_processor: only one token before the text is supported");
  }
  if (single->size() == 1) return OkStatus();
  const json* special = FindMember(single->front(), "SpecialToken");
  if (special == nullptr) return Unsupported("post_processor: a template with two texts");
  QED_ASSIGN_OR_RETURN(const std::string name, StringMember(*special, "id", ""));
  QED_ASSIGN_OR_RETURN(out.bos_token_id, TemplateTokenId(processor, name));
  out.add_bos_by_default = true;
  return OkStatus();
}

Status ReadPostProcessor(const json& root, TokenizerDefinition& out) {
  QED_ASSIGN_OR_RETURN(const auto steps, Steps(root, "post_processor", "processors"));
  for (const json* step : steps) {
    QED_ASSIGN_OR_RETURN(const std::string type, StringMember(*step, "type", ""));
    if (type == "TemplateProcessing") {
      QED_RETURN_IF_ERROR(ReadTemplate(*step, out));
    } else if (type != "ByteLevel") {
      return UnknownStep("post_processor", type);
    }
  }
  return OkStatus();
}

Status ReadDecoder(const json& root) {
  QED_ASSIGN_OR_RETURN(const auto steps, Steps(root, "decoder", "decoders"));
  for (const json* step : steps) {
    QED_ASSIGN_OR_RETURN(const std::string type, StringMember(*step, "type", ""));
    if (type != "ByteLevel") return UnknownStep("decoder", type);
  }
  return OkStatus();
}

}  // namespace

const json* FindMember(const json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

Result<bool> BoolMember(const json& object, const char* key, bool fallback) {
  const json* member = FindMember(object, key);
  if (member == nullptr) return fallback;
  if (!member->is_boolean()) return Corrupt(std::string(key) + " is not true or false");
  return member->get<bool>();
}

Result<std::string> StringMember(const json& object, const char* key, const std::string& fallback) {
  const json* member = FindMember(object, key);
  if (member == nullptr) return fallback;
  if (!member->is_string()) return Corrupt(std::string(key) + " is not a string");
  return member->get<std::string>();
}

Status ReadHfPipeline(const json& root, TokenizerDefinition& out) {
  QED_RETURN_IF_ERROR(ReadNormalizer(root, out));
  QED_RETURN_IF_ERROR(ReadPreTokenizer(root, out.pre_tokenizer));
  QED_RETURN_IF_ERROR(ReadPostProcessor(root, out));
  return ReadDecoder(root);
}

}  // namespace qed
