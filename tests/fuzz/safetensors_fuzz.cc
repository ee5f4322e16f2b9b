// safetensors files: reads every byte that an accepted tensor claims.
#include "checkpoint/safetensors.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/safetensors_writer.h"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  using qed::DType;
  qed::WriteSeeds(*argc, *argv,
                  {qed::BuildSafetensors({{"a", {DType::kF32, {2, 3}, std::string(24, 'a')}},
                                          {"b", {DType::kBF16, {4}, std::string(8, 'b')}}}),
                   qed::SafetensorsBytes(R"({"__metadata__": {"format": "pt"}, "a": {"dtype": "I8",
                                             "shape": [0, 7], "data_offsets": [0, 0]}})",
                                         "")});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto tensors = qed::ParseSafetensors(std::as_bytes(std::span(data, size)));
  if (!tensors.ok()) return 0;
  volatile uint8_t sum = 0;
  for (const qed::RawTensor& tensor : *tensors) {
    for (std::byte byte : tensor.data) sum = sum + static_cast<uint8_t>(byte);
  }
  return 0;
}
