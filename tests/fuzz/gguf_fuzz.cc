// GGUF files: the tables, and what they mean as a model. Reads every byte that
// an accepted tensor claims.
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_checkpoint.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/tiny_model.h"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  std::vector<std::string> seeds;
  for (const char* architecture : {"LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"}) {
    qed::ModelConfig config = qed::TinyConfig(architecture);
    config.num_layers = config.num_heads = config.num_kv_heads = 1;
    config.head_dim = config.intermediate_size = config.hidden_size = 4;
    qed::GgufWriter writer = qed::TinyGguf(config);
    writer.Add("general.alignment", uint32_t{32});
    writer.Add("tokenizer.chat_template", "{{ messages }}");
    seeds.push_back(writer.Build());
  }
  qed::WriteSeeds(*argc, *argv, seeds);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto file = qed::ParseGguf(bytes); file.ok()) {
    volatile uint8_t sum = 0;
    for (const qed::RawTensor& tensor : file->tensors) {
      for (std::byte byte : tensor.data) sum = sum + static_cast<uint8_t>(byte);
    }
    for (const auto& [key, value] : file->metadata) {
      const auto strings = file->Strings(key);
      const auto ints = file->Ints(key);
    }
  }
  const auto checkpoint = qed::GgufCheckpoint(bytes);
  return 0;
}
