// HF folders, adapters and drafters: their configuration files and tensors together, as
// files of a folder in memory. The first byte says which.
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/drafter_checkpoint.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/tiny_model.h"

namespace qed {
namespace {

using Names = std::vector<const char*>;
const Names kModel = {"config.json", "model.safetensors", "hf_quant_config.json",
                      "generation_config.json", "model.safetensors.index.json"};
const Names kAdapter = {"adapter_config.json", "adapter_model.safetensors"};
const Names kDrafter = {"config.json", "model.safetensors", "vocabulary.json"};

// As small as can be, so that mutations meet what matters.
ModelConfig SmallConfig() {
  ModelConfig config = TinyConfig();
  config.num_layers = 1;
  config.num_heads = config.num_kv_heads = 1;
  config.head_dim = config.intermediate_size = config.hidden_size = 4;
  config.vocab_size = 4;
  return config;
}

// Folders of this process alone, removed at its end.
class Folders {
 public:
  Folders() {
    const bool memory = std::filesystem::is_directory("/dev/shm");
    std::string pattern = std::string(memory ? "/dev/shm" : "/tmp") + "/qed-fuzz-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
    WriteTinyHfFolder(path_ + "/base", SmallConfig());
    base_ = *OpenCheckpoint(path_ + "/base");
    std::filesystem::create_directory(path_ + "/it");
  }
  ~Folders() { std::filesystem::remove_all(path_); }

  // The folder with these files. What is empty is not there.
  std::string Write(const Names& names, std::string_view input) {
    const std::string folder = path_ + "/it";
    const std::vector<std::string_view> parts = SplitParts(input, names.size());
    for (const auto& old : std::filesystem::directory_iterator(folder)) {
      std::filesystem::remove(old.path());
    }
    for (size_t i = 0; i < names.size(); ++i) {
      if (parts[i].empty()) continue;
      std::ofstream(folder + "/" + names[i], std::ios::binary) << parts[i];
    }
    return folder;
  }
  const Checkpoint& base() const { return base_; }

 private:
  std::string path_;
  Checkpoint base_;
};

Folders& TheFolders() {
  static Folders folders;
  return folders;
}

template <typename T>
void CheckOneLine(const Result<T>& result) {
  if (result.ok()) return;
  FuzzCheck(result.status().message().find('\n') == std::string::npos, "an error is one line");
}

void TouchAll(const Checkpoint& checkpoint) {
  volatile uint8_t sum = 0;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    for (std::byte byte : tensor.data) sum = sum + static_cast<uint8_t>(byte);
  }
}

std::string ModelSeed(const nlohmann::json& more, const std::string& quant = "") {
  nlohmann::json config = TinyHfConfig(SmallConfig());
  config.update(more);
  return "m" + JoinParts({config.dump(), BuildSafetensors(TinyHfTensors(SmallConfig())), quant,
                          R"({"temperature": 0.6, "top_p": 0.95, "eos_token_id": [2]})"});
}

std::string AdapterSeed() {
  const std::string module = "base_model.model.model.layers.0.self_attn.q_proj.lora_";
  const std::string values(16, '\0');
  return "a" +
         JoinParts({R"({"peft_type": "LORA", "r": 1, "lora_alpha": 2, "use_rslora": true,
                              "rank_pattern": {"q_proj": 1}, "target_modules": ["q_proj"]})",
                    BuildSafetensors({{module + "A.weight", {DType::kF32, {1, 4}, values}},
                                      {module + "B.weight", {DType::kF32, {4, 1}, values}}})});
}

std::string DrafterSeed() {
  const std::string config = R"({"hidden_size": 4, "vocab_size": 4, "exit_dim": 8,
                                 "num_draft_layers": 0, "rnn": false})";
  return "d" + JoinParts({config,
                          BuildSafetensors(
                              {{"lm_head.0.weight", {DType::kF32, {2, 8}, std::string(64, '\0')}}}),
                          "[1, 3]"});
}

}  // namespace
}  // namespace qed

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  qed::TheFolders();
  const char* const kModelOpt = R"({"quantization": {"quant_algo": "FP8", "exclude_modules": []}})";
  qed::WriteSeeds(
      *argc, *argv,
      {qed::ModelSeed({{"rope_scaling", {{"rope_type", "llama3"}, {"factor", 8.0}}}}),
       qed::ModelSeed(nlohmann::json::object(), kModelOpt),
       qed::ModelSeed(
           {{"quantization_config", {{"quant_method", "fp8"}, {"weight_block_size", {128, 128}}}}}),
       qed::ModelSeed({{"quantization_config",
                        {{"quant_method", "compressed-tensors"}, {"format", "int-quantized"}}}}),
       qed::AdapterSeed(), qed::DrafterSeed()});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest = qed::FuzzText(data, size).substr(1);
  qed::Folders& folders = qed::TheFolders();
  if (data[0] == 'a') {
    qed::CheckOneLine(qed::OpenAdapter(folders.Write(qed::kAdapter, rest), folders.base()));
  } else if (data[0] == 'd') {
    qed::CheckOneLine(qed::OpenDrafter(folders.Write(qed::kDrafter, rest), folders.base()));
  } else {
    const auto checkpoint = qed::OpenCheckpoint(folders.Write(qed::kModel, rest));
    qed::CheckOneLine(checkpoint);
    if (checkpoint.ok()) qed::TouchAll(*checkpoint);
  }
  return 0;
}
