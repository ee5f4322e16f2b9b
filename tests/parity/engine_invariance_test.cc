// On the default model: what a request gives depends on the request alone, not
// on its neighbours, the prefix cache, how its prompt is cut into steps or how many
// of these are in flight.
#include <condition_variable>
#include <mutex>

#include "checkpoint/checkpoint.h"
#include "engine/cpu_step_runner.h"
#include "engine/engine.h"
#include "model/loader.h"
#include "tests/support/test_files.h"
#include "tests/support/two_step_runner.h"

namespace qed {
namespace {

constexpr int kRequests = 3;  // that are compared
constexpr int kNewTokens = 40;

struct Output {
  std::vector<int32_t> ids;
  std::vector<float> logprobs;
  bool operator==(const Output&) const = default;
};

class GatheringSink : public OutputSink {
 public:
  void OnTokens(RequestId, const TokenChunk& chunk) override {
    output_.ids.insert(output_.ids.end(), chunk.token_ids.begin(), chunk.token_ids.end());
    for (const TokenLogprob& token : chunk.logprobs) output_.logprobs.push_back(token.logprob);
  }
  void OnDone(RequestId, const FinishInfo&) override {
    std::lock_guard lock(mutex_);
    done_ = true;
    ended_.notify_one();
  }
  const Output& Wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return done_; });
    return output_;
  }

 private:
  Output output_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
};

class EngineInvarianceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string path = DefaultModelPath();
    QED_REQUIRE_FILE(path, "the default model");
    auto checkpoint = OpenCheckpoint(path);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    checkpoint_ = *std::move(checkpoint);
    tokenizer_ = std::move(Tokenizer::Create(checkpoint_.tokenizer)).value();
  }

  Request MakeRequest(const std::string& prompt, int index) const {
    Request request;
    request.prompt = tokenizer_->Encode(prompt);
    request.params.temperature = index == 0 ? 0.0f : 0.8f;
    request.params.top_p = 0.95f;
    request.params.seed = 7;
    request.params.sample_index = static_cast<uint64_t>(index);
    request.params.max_tokens = kNewTokens;
    request.params.logprobs = 0;
    return request;
  }

  // The compared requests, each after `strangers` others.
  std::vector<Output> Run(EngineConfig config, int strangers, bool one_by_one,
                          bool two_in_flight = false) {
    config.threads = 2;
    config.max_seq_len = 1024;
    config.kv_cache_bytes = int64_t{512} << 20;
    ThreadPool pool(config.threads);
    auto model = std::move(LoadModel(checkpoint_, nullptr, config, pool)).value();
    std::unique_ptr<StepRunner> runner = std::make_unique<CpuStepRunner>(*model, pool);
    if (two_in_flight) {
      runner = std::make_unique<TwoStepRunner>(*model, pool, TwoStepRunner::Computes::kInThread);
    }
    auto engine = std::move(Engine::Create(std::move(runner), *tokenizer_, config)).value();
    std::vector<std::shared_ptr<GatheringSink>> sinks;
    for (int i = 0; i < kRequests; ++i) {
      for (int s = 0; s < strangers; ++s) {
        Request stranger = MakeRequest(std::string(5 + 20 * s, 'x') + " and so on", 100 + s);
        stranger.sink = std::make_shared<GatheringSink>();
        EXPECT_TRUE(engine->Submit(std::move(stranger)).ok());
      }
      Request request = MakeRequest(kPrompt, i);
      sinks.push_back(std::make_shared<GatheringSink>());
      request.sink = sinks.back();
      EXPECT_TRUE(engine->Submit(std::move(request)).ok());
      if (one_by_one) sinks.back()->Wait();
    }
    std::vector<Output> outputs;
    for (const auto& sink : sinks) outputs.push_back(sink->Wait());
    cached_tokens_ = engine->Stats().cached_tokens;
    return outputs;
  }

  const std::string kPrompt =
      "A farmer has seven fields. In each field stand twelve apple trees, and every tree gives "
      "forty apples a year. He sells a third of them at the market for two coins each, keeps "
      "a tenth, and makes juice of the rest. How many coins does he get in a year? Answer: ";
  Checkpoint checkpoint_;
  std::unique_ptr<const Tokenizer> tokenizer_;
  int64_t cached_tokens_ = 0;
};

TEST_F(EngineInvarianceTest, NeighboursCacheAndChunksChangeNothing) {
  EngineConfig alone;
  alone.max_batch_size = 1;
  alone.prefix_cache = false;
  const std::vector<Output> expected = Run(alone, 0, true);
  for (const Output& output : expected) {
    ASSERT_FALSE(output.ids.empty());
    ASSERT_EQ(output.ids.size(), output.logprobs.size());
  }
  EXPECT_NE(expected[1].ids, expected[2].ids) << "two samples of one seed should differ";

  EngineConfig batch;
  batch.max_batch_size = 32;
  batch.prefix_cache = false;
  EXPECT_EQ(Run(batch, 10, false), expected) << "batch of 32 among strangers";
  batch.prefix_cache = true;
  EXPECT_EQ(Run(batch, 10, false), expected) << "and with the prefix cache";
  EXPECT_GT(cached_tokens_, 0);
  batch.max_num_tokens = 23;
  EXPECT_EQ(Run(batch, 4, false), expected) << "and prompts in small pieces";
  EXPECT_EQ(Run(batch, 4, false, true), expected) << "and with two steps in flight";
  alone.prefix_cache = true;
  EXPECT_EQ(Run(alone, 0, true), expected) << "alone, prompt from the cache";
  EXPECT_GT(cached_tokens_, 0);
  alone.max_num_tokens = 7;
  alone.prefix_cache = false;
  EXPECT_EQ(Run(alone, 0, true), expected) << "alone, prompt in pieces of 7";
}

}  // namespace
}  // namespace qed
