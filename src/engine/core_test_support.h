// What the tests of the engine share: a sink that keeps everything, and an
// EngineCore over the fake model that is checked after every step.
#ifndef QED_ENGINE_CORE_TEST_SUPPORT_H_
#define QED_ENGINE_CORE_TEST_SUPPORT_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/cpu_step_runner.h"
#include "engine/engine_core.h"
#include "gtest/gtest.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/fake_model.h"
#include "tests/support/two_step_runner.h"

namespace qed {

// What one stretch gave.
struct StretchResult {
  std::string text;
  std::vector<int32_t> ids;
  std::vector<TokenLogprob> logprobs, prompt_logprobs;
  FinishInfo info;
  int done = 0;
};

class CollectingSink : public OutputSink {
 public:
  void OnTokens(RequestId, const TokenChunk& chunk) override {
    EXPECT_EQ(result.done, 0) << "tokens after the end";
    result.text += chunk.text;
    result.ids.insert(result.ids.end(), chunk.token_ids.begin(), chunk.token_ids.end());
    result.prompt_logprobs.insert(result.prompt_logprobs.end(), chunk.prompt_logprobs.begin(),
                                  chunk.prompt_logprobs.end());
    result.logprobs.insert(result.logprobs.end(), chunk.logprobs.begin(), chunk.logprobs.end());
  }
  void OnDone(RequestId, const FinishInfo& info) override {
    result.info = info;
    ++result.done;
  }

  StretchResult result;
};

inline std::vector<int32_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const unsigned char*>(text.data()),
          reinterpret_cast<const unsigned char*>(text.data()) + text.size()};
}

// Steps in flight: the CPU's runner has one; the other has two, each computed only
// when it is finished.
enum class Depth { kOne, kTwo };

inline std::unique_ptr<StepRunner> MakeRunner(Depth depth, LanguageModel& model, ThreadPool& pool) {
  if (depth == Depth::kOne) return std::make_unique<CpuStepRunner>(model, pool);
  return std::make_unique<TwoStepRunner>(model, pool, TwoStepRunner::Computes::kInFinish);
}

// Hands a request to a core; its result is collected in the sink.
inline std::shared_ptr<CollectingSink> SubmitTo(EngineCore& core, RequestId id,
                                                std::vector<int32_t> prompt,
                                                const SamplingParams& params,
                                                const Tokenizer& tokenizer) {
  auto sequence = std::make_unique<Sequence>(
      id, Stretch{std::move(prompt), params, OutputText(tokenizer, false, params)});
  auto sink = std::make_shared<CollectingSink>();
  sequence->sink = sink;
  core.Submit(std::move(sequence));
  return sink;
}

class CoreHarness {
 public:
  CoreHarness(Depth depth, const FakeModel::Options& options,
              FakeModel::LogitsFn fn = FakeModel::HashLogits, bool prefix_cache = true,
              std::unique_ptr<Drafting> drafting = nullptr)
      : model(options, std::move(fn)),
        runner(MakeRunner(depth, model, pool)),
        limits(MakeEngineLimits(*runner, Config(options)).value()),
        core(*runner, limits, prefix_cache, std::move(drafting)) {}

  RequestId Submit(std::vector<int32_t> prompt, const SamplingParams& params,
                   std::shared_ptr<CollectingSink> sink, bool keep = false,
                   bool score_prompt = false) {
    const auto prompt_tokens = static_cast<int32_t>(prompt.size());
    auto sequence = std::make_unique<Sequence>(
        ++last_id, Stretch{std::move(prompt), params, OutputText(*tokenizer, false, params)});
    sequence->sink = std::move(sink);
    sequence->keep = keep;
    if (score_prompt) sequence->to_score = prompt_tokens;
    core.Submit(std::move(sequence));
    return last_id;
  }

  void Continue(RequestId id, std::vector<int32_t> tokens, const SamplingParams& params) {
    core.Continue(id, Stretch{std::move(tokens), params, OutputText(*tokenizer, false, params)});
  }

  void Step() {
    core.Step();
    core.Deliver();
    const Status status = core.CheckIntegrity();
    ASSERT_TRUE(status.ok()) << status.message();
    ASSERT_EQ(model.error(), "");
  }

  void RunToEnd() {
    for (int steps = 0; core.HasWork(); ++steps) {
      ASSERT_LT(steps, 100000) << "no end";
      ASSERT_NO_FATAL_FAILURE(Step());
    }
  }

  static EngineConfig Config(const FakeModel::Options& options) {
    EngineConfig config;
    config.max_batch_size = options.max_batch_size;
    config.max_logit_rows = options.max_logit_rows;
    config.max_num_tokens = options.max_num_tokens;
    return config;
  }

  std::unique_ptr<const Tokenizer> tokenizer = MakeByteTokenizer();
  ThreadPool pool{1};
  FakeModel model;
  std::unique_ptr<StepRunner> runner;
  EngineLimits limits;
  EngineCore core;
  RequestId last_id = 0;
};

}  // namespace qed

#endif  // QED_ENGINE_CORE_TEST_SUPPORT_H_
