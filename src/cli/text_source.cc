#include "cli/text_source.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/default_model.h"
#include "cli/draft_report.h"
#include "cli/engine_generator.h"
#include "remote/remote_generator.h"

namespace qed {
namespace {

// A file by its absolute name and size, a folder by its name.
std::string Identity(const std::string& path) {
  if (path.empty()) return "";
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::weakly_canonical(path, error);
  const auto size = std::filesystem::file_size(path, error);
  return absolute.string() + (error ? "" : " (" + std::to_string(size) + " bytes)");
}

class ModelSource : public TextSource {
 public:
  // `flags` have paths; `name` is the model's as it was given.
  ModelSource(ModelFlags flags, std::string name, std::unique_ptr<ModelSession> session)
      : flags_(std::move(flags)),
        name_(std::move(name)),
        session_(std::move(session)),
        generator_(*session_) {}

  Generator& generator() override { return generator_; }
  Result<ChatWrapper> OwnChatWrapper() const override {
    return ChatWrapper::FromTokenizer(session_->tokenizer());
  }
  void SetWholePrompts(bool whole) override { generator_.SetWholePrompts(whole); }
  void AddSettings(RunSettings& settings) const override {
    settings["model"] = Identity(flags_.model);
    settings["adapter"] = Identity(ChooseAdapter(flags_.adapter, flags_.model));
    settings["compute"] = flags_.engine.compute;
    if (flags_.engine.quantize != "none") settings["quantize"] = flags_.engine.quantize;
    settings["max-seq-len"] = std::to_string(flags_.engine.max_seq_len);
  }
  std::string model() const override { return std::filesystem::path(name_).filename().string(); }
  std::string server() const override { return ""; }
  std::string draft_report() const override { return DraftLine(session_->engine().Stats()); }

 private:
  const ModelFlags flags_;
  const std::string name_;
  const std::unique_ptr<ModelSession> session_;
  EngineGenerator generator_;
};

class ServerSource : public TextSource {
 public:
  ServerSource(std::string urls, std::unique_ptr<RemoteGenerator> generator)
      : urls_(std::move(urls)), generator_(std::move(generator)) {}

  Generator& generator() override { return *generator_; }
  Result<ChatWrapper> OwnChatWrapper() const override {
    const ServerInfo& info = generator_->info();
    if (info.chat_template.empty()) {
      return InvalidArgument("the server does not tell its chat template");
    }
    return ChatWrapper::FromTemplate(info.chat_template, info.bos_token, info.eos_token);
  }
  // Not where the servers are: a run may go on with others of the same model.
  void AddSettings(RunSettings& settings) const override {
    settings["model"] = generator_->info().model;
    settings["server"] = ServerKindName(generator_->info().kind);
    settings["max-seq-len"] = std::to_string(generator_->max_seq_len());
  }
  std::string model() const override { return generator_->info().model; }
  std::string server() const override { return urls_; }

 private:
  const std::string urls_;
  const std::unique_ptr<RemoteGenerator> generator_;
};

Result<std::vector<ServerAddress>> ParseServers(std::string_view urls) {
  const char* key = std::getenv("QED_API_KEY");
  if (key == nullptr) key = std::getenv("OPENAI_API_KEY");
  std::vector<ServerAddress> servers;
  while (true) {
    const size_t comma = urls.find(',');
    Result<ServerAddress> address =
        ParseServerAddress(urls.substr(0, comma), key != nullptr ? key : "");
    if (!address.ok()) return address.status().WithPrefix("--server");
    for (const ServerAddress& other : servers) {
      if (other.Name() == address->Name()) {
        return InvalidArgument("--server names " + other.Name() + " twice");
      }
    }
    servers.push_back(*std::move(address));
    if (comma == std::string_view::npos) return servers;
    urls.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<std::unique_ptr<TextSource>> TextSource::OpenModel(const ModelFlags& flags) {
  QED_ASSIGN_OR_RETURN(ModelFlags resolved, ResolveNames(flags));
  QED_ASSIGN_OR_RETURN(std::unique_ptr<ModelSession> session, ModelSession::Open(resolved));
  return std::unique_ptr<TextSource>(
      std::make_unique<ModelSource>(std::move(resolved), flags.model, std::move(session)));
}

Result<std::unique_ptr<TextSource>> TextSource::OpenServers(const RemoteConfig& config,
                                                            int32_t max_seq_len,
                                                            int32_t max_samples) {
  RemoteOptions options;
  QED_ASSIGN_OR_RETURN(options.servers, ParseServers(config.server));
  options.model = config.server_model;
  options.samples_per_server = config.server_samples;
  options.max_samples = max_samples;
  options.max_seq_len = max_seq_len;
  options.timeout = config.server_timeout;
  options.patience = config.server_patience;
  options.on_news = [](const std::string& line) {
    std::fprintf(stderr, "qed solve: %s\n", line.c_str());
  };
  QED_ASSIGN_OR_RETURN(std::unique_ptr<RemoteGenerator> generator,
                       RemoteGenerator::Connect(std::move(options)));
  return std::unique_ptr<TextSource>(
      std::make_unique<ServerSource>(config.server, std::move(generator)));
}

}  // namespace qed
