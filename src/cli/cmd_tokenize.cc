// qed tokenize: text to token ids and back.
#include <cstdint>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "cli/commands.h"
#include "cli/hub_model.h"
#include "nlohmann/json.hpp"
#include "text/chat_template.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"

namespace qed {
namespace {

using nlohmann::json;

struct TokenizeFlags {
  std::string model;
  std::optional<std::string> text;
  std::vector<int32_t> ids;
  bool lines = false;
  bool as_json = false;
  bool chat = false;
  bool no_special = false;
  bool bos = false;
  bool no_bos = false;
};

// A model, or a tokenizer.json by itself.
Result<std::unique_ptr<const Tokenizer>> LoadTokenizer(const std::string& name) {
  QED_ASSIGN_OR_RETURN(const std::string path, ResolveModel(name));
  if (!path.ends_with(".json")) {
    QED_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(path));
    return Tokenizer::Create(checkpoint.tokenizer);
  }
  TokenizerSpec spec;
  spec.source = path;
  QED_ASSIGN_OR_RETURN(spec.tokenizer_json, ReadFile(path));
  return Tokenizer::Create(spec);
}

// Encodes and decodes as the flags say.
class Codec {
 public:
  static Result<Codec> Create(const TokenizeFlags& flags) {
    QED_ASSIGN_OR_RETURN(auto tokenizer, LoadTokenizer(flags.model));
    std::optional<ChatTemplate> chat;
    if (flags.chat) {
      QED_ASSIGN_OR_RETURN(chat, ChatTemplate::FromTokenizer(*tokenizer));
    }
    EncodeOptions options;
    options.parse_special = !flags.no_special;
    // The template writes out the tokens at the beginning itself.
    const bool by_default = tokenizer->add_bos_by_default() && !flags.chat;
    options.add_bos = flags.bos || (by_default && !flags.no_bos);
    return Codec(std::move(tokenizer), std::move(chat), options);
  }

  Result<std::vector<int32_t>> Encode(const std::string& text) const {
    if (!chat_) return tokenizer_->Encode(text, options_);
    QED_ASSIGN_OR_RETURN(const std::string prompt,
                         chat_->RenderTurn(std::nullopt, text, LocalTime()));
    return tokenizer_->Encode(prompt, options_);
  }

  std::string Decode(const std::vector<int32_t>& ids) const {
    Detokenizer detokenizer(*tokenizer_);
    std::string text;
    for (const int32_t id : ids) detokenizer.Push(id, text);
    detokenizer.Finish(text);
    return text;
  }

  Status CheckIds(const std::vector<int32_t>& ids) const {
    for (const int32_t id : ids) {
      if (id >= 0 && id < tokenizer_->vocab_size()) continue;
      return InvalidArgument("token id " + std::to_string(id) + " is not between 0 and " +
                             std::to_string(tokenizer_->vocab_size() - 1));
    }
    return OkStatus();
  }

  // One token as a JSON string, so that white space and control characters show.
  std::string Shown(int32_t id) const {
    return DumpJson(json(std::string(tokenizer_->TokenBytes(id))));
  }

 private:
  Codec(std::unique_ptr<const Tokenizer> tokenizer, std::optional<ChatTemplate> chat,
        EncodeOptions options)
      : tokenizer_(std::move(tokenizer)), chat_(std::move(chat)), options_(options) {}

  std::unique_ptr<const Tokenizer> tokenizer_;
  std::optional<ChatTemplate> chat_;
  EncodeOptions options_;
};

Result<std::vector<int32_t>> IdsOf(const json& list) {
  std::vector<int32_t> ids;
  if (!list.is_array()) return InvalidArgument("token_ids is not a list");
  for (const json& id : list) {
    if (!id.is_number_integer() || id < 0 || id > std::numeric_limits<int32_t>::max()) {
      return InvalidArgument("token_ids holds " + DumpJson(id).substr(0, 40));
    }
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

// {"text"} to {"token_ids"}, {"token_ids"} to {"text"}.
Result<json> Answer(const Codec& codec, const std::string& line) {
  QED_ASSIGN_OR_RETURN(const json request, ParseJson(line));
  if (request.is_object() && request.contains("text") && request["text"].is_string()) {
    QED_ASSIGN_OR_RETURN(const std::vector<int32_t> ids,
                         codec.Encode(request["text"].get<std::string>()));
    return json{{"token_ids", ids}};
  }
  if (request.is_object() && request.contains("token_ids")) {
    QED_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, IdsOf(request["token_ids"]));
    QED_RETURN_IF_ERROR(codec.CheckIds(ids));
    return json{{"text", codec.Decode(ids)}};
  }
  return InvalidArgument("neither \"text\" nor \"token_ids\" in it");
}

Status AnswerLines(const Codec& codec) {
  std::string line;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    if (line.empty()) continue;
    const Result<json> answer = Answer(codec, line);
    if (!answer.ok()) {
      return answer.status().WithPrefix("standard input, line " + std::to_string(number));
    }
    std::cout << DumpJson(*answer) << '\n';
  }
  return OkStatus();
}

Result<std::string> TextOf(const TokenizeFlags& flags) {
  if (*flags.text != "-") return *flags.text;
  std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  if (std::cin.bad()) return IoError("standard input cannot be read");
  return text;
}

Status RunTokenize(const TokenizeFlags& flags) {
  if (int{flags.text.has_value()} + int{!flags.ids.empty()} + int{flags.lines} != 1) {
    return InvalidArgument("give one of --text, --ids and --jsonl");
  }
  QED_ASSIGN_OR_RETURN(const Codec codec, Codec::Create(flags));
  std::ios::sync_with_stdio(false);
  if (flags.lines) {
    QED_RETURN_IF_ERROR(AnswerLines(codec));
  } else if (!flags.ids.empty()) {
    QED_RETURN_IF_ERROR(codec.CheckIds(flags.ids));
    const std::string text = codec.Decode(flags.ids);
    std::cout << (flags.as_json ? DumpJson(nlohmann::json{{"text", text}}) : text) << '\n';
  } else {
    QED_ASSIGN_OR_RETURN(const std::string text, TextOf(flags));
    QED_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, codec.Encode(text));
    if (flags.as_json) {
      std::cout << DumpJson(nlohmann::json{{"token_ids", ids}}) << '\n';
    } else {
      for (const int32_t id : ids) std::cout << id << '\t' << codec.Shown(id) << '\n';
    }
  }
  std::cout.flush();
  return std::cout ? OkStatus() : IoError("standard output cannot be written");
}

}  // namespace

CLI::App* AddTokenizeCommand(CLI::App& app, CommandRun& run) {
  auto flags = std::make_shared<TokenizeFlags>();
  CLI::App* command = app.add_subcommand("tokenize", "Turn text into token ids, or ids into text.");
  command
      ->add_option("--model", flags->model,
                   "GGUF file, HF folder, tokenizer.json or a hub's ORG/NAME")
      ->required();
  command->add_option("--text", flags->text, "text to encode, - for standard input");
  command->add_option("--ids", flags->ids, "token ids to decode")->delimiter(',');
  command->add_flag("--jsonl", flags->lines,
                    "for each line of standard input {\"text\"} write {\"token_ids\"}, and back");
  command->add_flag("--json", flags->as_json, "write {\"token_ids\"} or {\"text\"}");
  command->add_flag("--chat", flags->chat,
                    "wrap the text as the user's turn, as the model's chat template does");
  command->add_flag("--no-special", flags->no_special,
                    "take special tokens written in the text as plain text");
  CLI::Option* bos = command->add_flag(
      "--bos", flags->bos, "begin with the beginning-of-sequence token, whatever the model asks");
  command->add_flag("--no-bos", flags->no_bos, "do not")->excludes(bos);
  run = [flags] { return RunTokenize(*flags); };
  return command;
}

}  // namespace qed
