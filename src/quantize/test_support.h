// For tests: texts in a vocabulary of 300 tokens or more, and small models that run them.
#ifndef QED_QUANTIZE_TEST_SUPPORT_H_
#define QED_QUANTIZE_TEST_SUPPORT_H_

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "config/engine_config.h"
#include "model/loader.h"
#include "quantize/text_runner.h"

namespace qed {

inline std::vector<TokenText> TextsOfLengths(std::initializer_list<int> lengths) {
  std::vector<TokenText> texts;
  for (int length : lengths) {
    TokenText& text = texts.emplace_back();
    for (int i = 0; i < length; ++i) text.push_back((i * 37 + length) % 300);
  }
  return texts;
}

// On the CPU, `quantize` as --quantize has it.
inline std::unique_ptr<Decoder> LoadSmall(const Checkpoint& checkpoint, const std::string& quantize,
                                          ThreadPool& pool, int32_t max_num_tokens = 32) {
  EngineConfig config;
  config.compute = quantize == "none" ? "f32" : "auto";
  config.quantize = quantize;
  config.kv_cache_bytes = 4 << 20;
  config.max_num_tokens = max_num_tokens;
  config.max_batch_size = 16;
  return std::move(LoadDecoder(checkpoint, nullptr, config, pool)).value();
}

}  // namespace qed

#endif  // QED_QUANTIZE_TEST_SUPPORT_H_
