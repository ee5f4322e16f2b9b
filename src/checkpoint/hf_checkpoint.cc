#include "checkpoint/hf_checkpoint.h"

#include <filesystem>
#include <optional>
#include <set>

#include "base/json.h"
#include "checkpoint/config_size.h"
#include "checkpoint/hf_config.h"
#include "checkpoint/json_fields.h"
#include "checkpoint/quantization_config.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tensor_set.h"

namespace qed {
namespace {

constexpr size_t kMaxTokenizerBytes = size_t{256} << 20;
constexpr size_t kMaxIndexBytes = size_t{64} << 20;
constexpr size_t kMaxShards = 1024;
constexpr char kWeights[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";

class Folder {
 public:
  explicit Folder(const std::string& path) : path_(path) {}

  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  bool Has(const std::string& name) const {
    std::error_code error;
    return std::filesystem::exists(Path(name), error);
  }
  Result<std::string> Read(const std::string& name, size_t max_bytes) const {
    if (!Has(name)) return NotFound("has no " + name);
    return ReadFile(Path(name), max_bytes);
  }
  // The content, or nothing where the file is absent.
  Result<std::string> ReadIfThere(const std::string& name, size_t max_bytes) const {
    return Has(name) ? ReadFile(Path(name), max_bytes) : Result<std::string>(std::string());
  }

 private:
  std::string path_;
};

// Maps one safetensors file and appends its tensors.
Status AddWeights(const Folder& folder, const std::string& name, Checkpoint& checkpoint,
                  std::vector<RawTensor>& tensors) {
  QED_ASSIGN_OR_RETURN(auto file, MappedFile::Open(folder.Path(name)));
  auto parsed = ParseSafetensors(file->bytes());
  if (!parsed.ok()) return parsed.status().WithPrefix(Printable(name));
  for (RawTensor& tensor : *parsed) tensors.push_back(std::move(tensor));
  checkpoint.files.push_back(std::move(file));
  return OkStatus();
}

// The shards of the index, checked to be plain names inside the folder.
Result<std::set<std::string>> ShardsOf(const nlohmann::json& weight_map) {
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : weight_map.items()) {
    if (!shard.is_string()) return Corrupt("names no file for " + Printable(tensor));
    const std::string& name = shard.get_ref<const std::string&>();
    if (name.empty() || name.front() == '.' || name.find('/') != name.npos ||
        name.find('\0') != name.npos) {
      return Corrupt("names a file outside the folder: " + Printable(name));
    }
    shards.insert(name);
  }
  if (shards.empty()) return Corrupt("names no files");
  if (shards.size() > kMaxShards) {
    return Corrupt("names " + std::to_string(shards.size()) + " files; at most " +
                   std::to_string(kMaxShards) + " are read");
  }
  return shards;
}

Status AddShards(const Folder& folder, Checkpoint& checkpoint, std::vector<RawTensor>& tensors) {
  QED_ASSIGN_OR_RETURN(const std::string text, folder.Read(kIndex, kMaxIndexBytes));
  auto index = ParseJsonObject(text, kMaxIndexBytes);
  if (!index.ok()) return index.status().WithPrefix(kIndex);
  const auto weight_map = index->find("weight_map");
  if (weight_map == index->end() || !weight_map->is_object()) {
    return Corrupt(std::string(kIndex) + ": lacks weight_map");
  }
  auto shards = ShardsOf(*weight_map);
  if (!shards.ok()) return shards.status().WithPrefix(kIndex);
  for (const std::string& shard : *shards) {
    const size_t first = tensors.size();
    if (!folder.Has(shard))
      return NotFound("has no " + Printable(shard) + ", which the index names");
    QED_RETURN_IF_ERROR(AddWeights(folder, shard, checkpoint, tensors));
    for (size_t i = first; i < tensors.size(); ++i) {
      const auto place = weight_map->find(tensors[i].name);
      if (place == weight_map->end() || *place != shard) {
        return Corrupt(Printable(shard) + ": tensor " + Printable(tensors[i].name) +
                       " is elsewhere according to the index");
      }
    }
  }
  // Each tensor lies in the one shard the map names, so the counts tell of absent ones.
  if (tensors.size() != weight_map->size()) {
    return Corrupt(std::string(kIndex) + ": names " + std::to_string(weight_map->size()) +
                   " tensors, but the files hold " + std::to_string(tensors.size()));
  }
  return OkStatus();
}

}  // namespace

Status ReadHfTokenizerFiles(const std::string& path, TokenizerSpec& spec) {
  const Folder folder(path);
  spec.source = folder.Path("tokenizer.json");
  QED_ASSIGN_OR_RETURN(spec.tokenizer_json,
                       folder.ReadIfThere("tokenizer.json", kMaxTokenizerBytes));
  QED_ASSIGN_OR_RETURN(spec.tokenizer_config_json,
                       folder.ReadIfThere("tokenizer_config.json", kMaxTokenizerBytes));
  QED_ASSIGN_OR_RETURN(spec.chat_template,
                       folder.ReadIfThere("chat_template.jinja", kMaxConfigBytes));
  return OkStatus();
}

Result<Checkpoint> OpenHfFolder(const std::string& path) {
  const Folder folder(path);
  Checkpoint checkpoint;
  checkpoint.format = "hf";
  QED_ASSIGN_OR_RETURN(const std::string config, folder.Read("config.json", kMaxConfigBytes));
  if (Status status = ReadHfConfig(config, checkpoint); !status.ok()) {
    return status.WithPrefix("config.json");
  }
  QED_ASSIGN_OR_RETURN(const std::string hf_quant_config,
                       folder.ReadIfThere("hf_quant_config.json", kMaxConfigBytes));
  QED_ASSIGN_OR_RETURN(const std::optional<QuantizationConfig> quantization,
                       ReadQuantizationConfig(config, hf_quant_config));
  if (quantization) {
    checkpoint.quantization = quantization->method + ": " + RecipeText(quantization->recipe);
  }
  if (folder.Has("generation_config.json")) {
    QED_ASSIGN_OR_RETURN(const std::string generation,
                         folder.Read("generation_config.json", kMaxConfigBytes));
    if (Status status = ReadHfGenerationConfig(generation, checkpoint); !status.ok()) {
      return status.WithPrefix("generation_config.json");
    }
  }
  QED_RETURN_IF_ERROR(ReadHfTokenizerFiles(path, checkpoint.tokenizer));
  std::vector<RawTensor> tensors;
  if (folder.Has(kWeights)) {
    QED_RETURN_IF_ERROR(AddWeights(folder, kWeights, checkpoint, tensors));
  } else if (folder.Has(kIndex)) {
    QED_RETURN_IF_ERROR(AddShards(folder, checkpoint, tensors));
  } else {
    return NotFound(std::string("has neither ") + kWeights + " nor " + kIndex);
  }
  QED_RETURN_IF_ERROR(TakeTensors(std::move(tensors), NameStyle::kHf, false,
                                  quantization ? &*quantization : nullptr, checkpoint));
  return checkpoint;
}

}  // namespace qed
