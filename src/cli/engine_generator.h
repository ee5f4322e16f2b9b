// solve/generator.h over the engine in this process.
#ifndef QED_CLI_ENGINE_GENERATOR_H_
#define QED_CLI_ENGINE_GENERATOR_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "solve/generator.h"
#include "text/tokenizer.h"

namespace qed {

class ModelSession;

// Thread-safe. A stream is one kept sequence of the engine: what Generate
// appends goes on from its pages.
class EngineGenerator : public Generator {
 public:
  // `session` must outlive the generator and its streams.
  explicit EngineGenerator(ModelSession& session);
  EngineGenerator(Engine& engine, const Tokenizer& tokenizer, int32_t max_concurrent)
      : engine_(engine), tokenizer_(tokenizer), max_concurrent_(max_concurrent) {}

  // The first text of a stream is whole: as a chat template wrote it, who writes the tokens
  // at the beginning himself (or means none). Else the model's beginning-of-sequence token
  // is put before it where it asks for one. Before use.
  void SetWholePrompts(bool whole) { whole_prompts_ = whole; }

  Result<std::unique_ptr<GenerationStream>> Open(const SamplingParams& params) override;
  int32_t max_concurrent() const override { return max_concurrent_; }
  int64_t tokens_generated() const override { return engine_.Stats().generated_tokens; }
  int32_t max_seq_len() const override { return engine_.max_seq_len(); }
  int32_t CountTokens(std::string_view text) const override;

 private:
  Engine& engine_;
  const Tokenizer& tokenizer_;
  int32_t max_concurrent_;
  bool whole_prompts_ = false;
};

}  // namespace qed

#endif  // QED_CLI_ENGINE_GENERATOR_H_
