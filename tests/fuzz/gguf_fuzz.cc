// GGUF files: the tables, and what they mean as a model. Reads every byte that
// an accepted tensor claims.
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_checkpoint.h"

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
