// The default model against an independent float32 forward pass over the same
// dequantized weights (the file's note says how it was made).
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "gtest/gtest.h"
#include "model/loader.h"
#include "nlohmann/json.hpp"
#include "tests/support/model_runner.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

struct Prompt {
  std::vector<int32_t> tokens;
  std::vector<std::pair<int32_t, double>> top;  // of the first next token
  std::vector<int32_t> continuation;
  std::vector<double> margins;  // log-prob gap of best and second, per token
};

std::vector<Prompt> ReadOracle(const std::string& path) {
  const nlohmann::json json = ParseJson(ReadFile(path).value()).value();
  std::vector<Prompt> prompts;
  for (const auto& entry : json.at("prompts")) {
    Prompt p;
    entry.at("token_ids").get_to(p.tokens);
    entry.at("fp32_continuation_ids").get_to(p.continuation);
    entry.at("fp32_margins").get_to(p.margins);
    for (const auto& top : entry.at("fp32_top20")) {
      p.top.emplace_back(top.at("id").get<int32_t>(), top.at("logprob").get<double>());
    }
    prompts.push_back(std::move(p));
  }
  return prompts;
}

// What one prompt came to.
struct Outcome {
  double worst = 0;                   // log-prob difference over the top 20
  std::vector<int32_t> continuation;  // greedy
};

// All prompts as one batch, each to the length of its continuation.
std::vector<Outcome> RunAll(const std::vector<Prompt>& prompts, const std::string& compute) {
  const Checkpoint checkpoint = OpenCheckpoint(DefaultModelPath()).value();
  ThreadPool pool(2);
  EngineConfig config;
  config.compute = compute;
  config.max_batch_size = static_cast<int32_t>(prompts.size());
  config.max_num_tokens = 1024;  // the longest prompt in one step
  std::unique_ptr<LanguageModel> model = LoadModel(checkpoint, nullptr, config, pool).value();
  ModelRunner runner(*model);
  std::vector<Outcome> outcomes(prompts.size());
  std::vector<ModelRunner::Input> inputs;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const int sequence = static_cast<int>(i);
    const std::vector<float> logits = runner.Step({{sequence, prompts[i].tokens}})[0];
    const std::vector<double> log_probs = LogProbs(logits);
    for (const auto& [id, want] : prompts[i].top) {
      outcomes[i].worst = std::max(outcomes[i].worst, std::abs(log_probs[id] - want));
    }
    inputs.push_back({sequence, {ArgMax(logits)}});
  }
  while (!inputs.empty()) {
    std::erase_if(inputs, [&](const ModelRunner::Input& input) {
      std::vector<int32_t>& tokens = outcomes[input.sequence].continuation;
      tokens.push_back(input.tokens[0]);
      return tokens.size() == prompts[input.sequence].continuation.size();
    });
    if (inputs.empty()) break;
    const auto logits = runner.Step(inputs);
    for (size_t i = 0; i < inputs.size(); ++i) inputs[i].tokens = {ArgMax(logits[i])};
  }
  return outcomes;
}

class ModelOracleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    QED_REQUIRE_FILE(DefaultModelPath(), "the default model");
    const std::string oracle = SharedDataPath("oracle_smollm2.json");
    QED_REQUIRE_FILE(oracle, "oracle_smollm2.json");
    prompts_ = ReadOracle(oracle);
    ASSERT_FALSE(prompts_.empty());
  }
  std::vector<Prompt> prompts_;
};

TEST_F(ModelOracleTest, ExactPathIsTheOracle) {
  const std::vector<Outcome> outcomes = RunAll(prompts_, "f32");
  double worst = 0;
  for (size_t i = 0; i < prompts_.size(); ++i) {
    EXPECT_LE(outcomes[i].worst, 2e-3) << "prompt " << i;
    EXPECT_EQ(outcomes[i].continuation, prompts_[i].continuation) << "prompt " << i;
    worst = std::max(worst, outcomes[i].worst);
  }
  RecordProperty("worst_logprob_difference", std::to_string(worst));
}

// No further from float32 than llama.cpp's int8 activations on the same file:
// 0.22 in the median of the prompts' worst differences, 0.47 at worst, and never
// a pick that float32 holds more than 0.35 behind its own.
TEST_F(ModelOracleTest, FastPathStaysNear) {
  const std::vector<Outcome> outcomes = RunAll(prompts_, "auto");
  std::vector<double> differences;
  int parted = 0;
  for (size_t i = 0; i < prompts_.size(); ++i) {
    differences.push_back(outcomes[i].worst);
    const auto& got = outcomes[i].continuation;
    const auto& want = prompts_[i].continuation;
    const size_t at = std::mismatch(got.begin(), got.end(), want.begin()).first - got.begin();
    if (at == want.size()) continue;
    ++parted;
    EXPECT_LT(prompts_[i].margins[at], 0.35) << "prompt " << i << " parts at token " << at;
  }
  std::sort(differences.begin(), differences.end());
  EXPECT_LE(differences[differences.size() / 2], 0.22);
  EXPECT_LE(differences.back(), 0.47);
  RecordProperty("median", std::to_string(differences[differences.size() / 2]));
  RecordProperty("worst", std::to_string(differences.back()));
  RecordProperty("parted", parted);
}

}  // namespace
}  // namespace qed
