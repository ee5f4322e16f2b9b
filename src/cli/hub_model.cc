#include "cli/hub_model.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "cli/download_bar.h"
#include "cli/interrupt.h"
#include "fetch/download.h"
#include "fetch/target.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxIndexBytes = size_t{64} << 20;

bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// Every file that the index of the shards names is there.
bool HasAllShards(const fs::path& folder, const fs::path& index) {
  const Result<std::string> text = ReadFile(index.string(), kMaxIndexBytes);
  if (!text.ok()) return false;
  const Result<nlohmann::json> object = ParseJson(*text);
  if (!object.ok() || !object->is_object() || !object->contains("weight_map")) return false;
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : (*object)["weight_map"].items()) {
    if (shard.is_string()) shards.insert(shard.get<std::string>());
  }
  return !shards.empty() && std::all_of(shards.begin(), shards.end(), [&](const auto& shard) {
    return CheckFileName(shard).ok() && Exists(folder / shard);
  });
}

bool EndsWithAny(const std::string& name, std::initializer_list<const char*> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&name](const char* ending) { return name.ends_with(ending); });
}

}  // namespace

std::string ModelIn(const std::string& folder) {
  const fs::path path = folder;
  if (Exists(path / "adapter_config.json") && Exists(path / "adapter_model.safetensors")) {
    return folder;
  }
  if (Exists(path / "config.json") && Exists(path / "tokenizer.json")) {
    const fs::path index = path / "model.safetensors.index.json";
    if (Exists(index) ? HasAllShards(path, index) : Exists(path / "model.safetensors")) {
      return folder;
    }
  }
  std::string only;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    if (entry.path().extension() != ".gguf" || !Exists(entry.path())) continue;
    if (!only.empty()) return "";
    only = entry.path().string();
  }
  return only;
}

Result<std::vector<std::string>> ChooseModelFiles(const std::vector<std::string>& files) {
  std::vector<std::string> chosen, ggufs;
  bool has_weights = false;
  for (const std::string& name : files) {
    if (name.find('/') != name.npos) continue;
    if (name.ends_with(".gguf")) ggufs.push_back(name);
    // Some repositories hold their weights a second time under this name.
    if (name.starts_with("consolidated")) continue;
    has_weights = has_weights || name.ends_with(".safetensors");
    if (EndsWithAny(name, {".safetensors", ".json", ".jinja", ".txt", ".model"})) {
      chosen.push_back(name);
    }
  }
  if (has_weights) return chosen;
  if (ggufs.size() == 1) return ggufs;
  if (ggufs.empty()) {
    return Unsupported("it holds no weights that QED reads, neither safetensors nor GGUF");
  }
  std::string names;
  for (const std::string& name : ggufs) names += (names.empty() ? "" : ", ") + name;
  return InvalidArgument("it holds several GGUF files (" + names +
                         "): fetch one with qed download --include FILE, and give its path");
}

Result<std::string> ResolveModel(const std::string& name) {
  if (Exists(name) || !LooksLikeRepo(name)) return name;
  QED_ASSIGN_OR_RETURN(const Hub hub, Hub::FromEnvironment());
  DownloadRequest request;
  QED_ASSIGN_OR_RETURN(request.repo, ParseRepo(name, RepoType::kModel));
  const std::string snapshot = CachedSnapshot(hub.cache, request.repo);
  if (!snapshot.empty()) {
    if (std::string model = ModelIn(snapshot); !model.empty()) return model;
  }
  request.choose = ChooseModelFiles;
  request.cancelled = &CatchInterrupts();
  DownloadBar bar(::isatty(STDERR_FILENO) ? stderr : nullptr, Clock::Real());
  request.on_progress = [&bar](const DownloadProgress& progress) { bar.Show(progress); };
  const Result<DownloadResult> result = Download(hub, request);
  if (!result.ok()) {
    return result.status().WithPrefix("there is no file or folder " + name +
                                      ", and as a name at a hub");
  }
  const std::string model = ModelIn(result->folder);
  if (!model.empty()) return model;
  return NotFound(name + " is not whole in " + result->folder +
                  ": config.json, tokenizer.json or weights are missing");
}

}  // namespace qed
