// qed generate: one prompt in, text out as it comes.
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/engine_generator.h"
#include "cli/flags.h"
#include "cli/model_session.h"
#include "cli/ranks.h"
#include "nlohmann/json.hpp"
#include "text/chat_template.h"

namespace qed {
namespace {

using nlohmann::json;

// More than any context holds; a longer standard input is not a prompt.
constexpr size_t kMaxPromptBytes = size_t{64} << 20;

struct GenerateFlags {
  ModelFlags model;
  std::string prompt;
  SamplingParams params;
  bool chat = false;
  bool skip_special_tokens = false;
  bool as_json = false;
};

// Keeps the result, and writes the text to standard output if asked to.
class PrintingSink : public OutputSink {
 public:
  explicit PrintingSink(bool print) : print_(print) {}

  void OnTokens(RequestId, const TokenChunk& chunk) override {
    text_ += chunk.text;
    token_ids_.insert(token_ids_.end(), chunk.token_ids.begin(), chunk.token_ids.end());
    logprobs_.insert(logprobs_.end(), chunk.logprobs.begin(), chunk.logprobs.end());
    if (!print_) return;
    std::fwrite(chunk.text.data(), 1, chunk.text.size(), stdout);
    std::fflush(stdout);
  }

  void OnDone(RequestId, const FinishInfo& info) override {
    std::lock_guard lock(mutex_);
    info_ = info;
    done_ = true;
    ended_.notify_one();
  }

  // Blocks until the end. The rest is for the caller from then on.
  const FinishInfo& Wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return done_; });
    return info_;
  }
  const std::string& text() const { return text_; }
  const std::vector<int32_t>& token_ids() const { return token_ids_; }
  const std::vector<TokenLogprob>& logprobs() const { return logprobs_; }

 private:
  const bool print_;
  std::string text_;
  std::vector<int32_t> token_ids_;
  std::vector<TokenLogprob> logprobs_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
  FinishInfo info_;
};

Result<std::string> ReadStandardInput() {
  std::string text;
  char buffer[1 << 16];
  while (const size_t n = std::fread(buffer, 1, sizeof(buffer), stdin)) {
    text.append(buffer, n);
    if (text.size() > kMaxPromptBytes) {
      return InvalidArgument("--prompt -: standard input has more than " +
                             std::to_string(kMaxPromptBytes) + " bytes");
    }
  }
  if (std::ferror(stdin) != 0) return IoError("--prompt -: cannot read standard input");
  return text;
}

// The stop string, the stop id of the request, or null: an end of the model's own.
json StopReason(const FinishInfo& info, const SamplingParams& params) {
  if (!info.stop_reason.empty()) return info.stop_reason;
  for (int32_t id : params.stop_token_ids) {
    if (id == info.stop_token_id) return id;
  }
  return nullptr;
}

json LogprobsJson(const std::vector<TokenLogprob>& logprobs) {
  json list = json::array();
  for (const TokenLogprob& token : logprobs) {
    json top = json::array();
    for (const auto& [id, logprob] : token.top) {
      top.push_back({{"token_id", id}, {"logprob", logprob}});
    }
    list.push_back(
        {{"token_id", token.token_id}, {"logprob", token.logprob}, {"top", std::move(top)}});
  }
  return list;
}

void PrintJson(const PrintingSink& sink, const FinishInfo& info, const SamplingParams& params) {
  json out;
  out["text"] = sink.text();
  out["token_ids"] = sink.token_ids();
  out["finish_reason"] = FinishReasonName(info.reason);
  out["stop_reason"] = StopReason(info, params);
  if (params.logprobs >= 0) {
    out["logprobs"] = LogprobsJson(sink.logprobs());
  } else {
    out["logprobs"] = nullptr;
  }
  out["usage"] = {{"prompt_tokens", info.prompt_tokens},
                  {"cached_tokens", info.cached_tokens},
                  {"completion_tokens", info.generated_tokens},
                  {"total_tokens", info.prompt_tokens + info.generated_tokens}};
  std::printf("%s\n", DumpJson(out).c_str());
}

// What the command line says nothing of is as the checkpoint's
// generation_config.json has it.
void ApplyDefaults(SamplingDefaults defaults, const CLI::App& command, SamplingParams& params) {
  const auto keep = [&](const char* flag, auto& value) {
    if (command.get_option(flag)->count() > 0) value.reset();
  };
  keep("--temperature", defaults.temperature);
  keep("--top-p", defaults.top_p);
  keep("--top-k", defaults.top_k);
  keep("--min-p", defaults.min_p);
  keep("--repetition-penalty", defaults.repetition_penalty);
  defaults.ApplyTo(&params);
}

Status RunGenerate(GenerateFlags flags, const CLI::App& command) {
  if (flags.prompt == "-") {
    QED_ASSIGN_OR_RETURN(flags.prompt, ReadStandardInput());
  }
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.params));
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<ModelSession> session,
                       ModelSession::Open(flags.model));
  ApplyDefaults(session->sampling_defaults(), command, flags.params);
  const Tokenizer& tokenizer = session->tokenizer();
  std::vector<int32_t> prompt;
  if (flags.chat) {
    QED_ASSIGN_OR_RETURN(const ChatTemplate chat, ChatTemplate::FromTokenizer(tokenizer));
    QED_ASSIGN_OR_RETURN(const std::string text,
                         chat.RenderTurn(std::nullopt, flags.prompt, LocalTime()));
    // The template writes out the tokens at the beginning itself.
    prompt = tokenizer.Encode(text);
    const std::string end = chat.EndOfTurn();
    if (!end.empty()) flags.params.stop.push_back(end);
  } else {
    prompt = EncodePrompt(tokenizer, flags.prompt);
  }
  auto sink = std::make_shared<PrintingSink>(!flags.as_json);
  Request request;
  request.prompt = std::move(prompt);
  request.params = flags.params;
  request.skip_special_tokens = flags.skip_special_tokens;
  request.sink = sink;
  QED_RETURN_IF_ERROR(session->engine().Submit(std::move(request)).status());
  const FinishInfo& info = sink->Wait();
  if (info.reason == FinishReason::kError) return info.error;
  if (flags.as_json) {
    PrintJson(*sink, info, flags.params);
  } else {
    std::printf("\n");
  }
  return std::fflush(stdout) == 0 ? OkStatus() : IoError("cannot write to standard output");
}

}  // namespace

CLI::App* AddGenerateCommand(CLI::App& app, CommandRun& run) {
  CLI::App* command = app.add_subcommand("generate", "Go on with a text");
  auto flags = std::make_shared<GenerateFlags>();
  AddModelFlags(*command, flags->model);
  AddRandomWeightsFlag(*command, flags->model);
  command->add_option("--prompt", flags->prompt, "text to go on with, - for standard input")
      ->required();
  command->add_flag("--chat", flags->chat,
                    "wrap the prompt as the user's turn, as the model's chat template does");
  AddKnobFlags(*command, flags->params);
  command->add_option("--sample-index", flags->params.sample_index,
                      "which of the samples under this seed");
  command->add_option("--stop", flags->params.stop, "text that ends generation; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--stop-token-ids", flags->params.stop_token_ids,
                   "token ids that end generation, beside the model's own")
      ->delimiter(',');
  command->add_flag("--ignore-eos", flags->params.ignore_eos,
                    "go on over the model's end-of-sequence tokens");
  command->add_flag("--include-stop-text", flags->params.include_stop_text,
                    "keep the stop string in the text");
  command->add_flag("--skip-special-tokens", flags->skip_special_tokens,
                    "leave special tokens out of the text");
  command->add_option("--logprobs", flags->params.logprobs,
                      "with --json: log-probabilities of each token and of the K likeliest");
  command->add_flag("--json", flags->as_json, "print one JSON object at the end");
  command->footer(
      "Where sampling flags are not given, what the model's generation_config.json says "
      "is used.");
  run = [flags, command] {
    return RunOnRanks(flags->model, [&] { return RunGenerate(*flags, *command); });
  };
  return command;
}

}  // namespace qed
