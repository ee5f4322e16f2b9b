// A real network on the CPU: 200 random requests (temperatures 0 to 1.5, filters,
// penalties, stops, log-probs, forced tokens, scored prompts, tool calls) arrive at random,
// are preempted and cancelled, with drafts of every kind; each gives, bit for bit, what it
// gives alone and without drafts.
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "checkpoint/drafter_checkpoint.h"
#include "draft/combined_drafter.h"
#include "draft/redrafter.h"
#include "draft/suffix_drafter.h"
#include "engine/cpu_step_runner.h"
#include "engine/drafting.h"
#include "engine/engine_core.h"
#include "engine/random_jobs.h"
#include "gtest/gtest.h"
#include "model/loader.h"
#include "model/test_checkpoint.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/sanitizers.h"

namespace qed {
namespace {

constexpr int kRequests = kSanitized ? 100 : 200;
constexpr int32_t kBatch = 8, kMaxDrafts = 4;

enum class Source { kNone, kSuffix, kHead, kBoth, kRandom, kWrong, kRight };

// Tokens that the request of a sequence will give from where it stands; empty: not known.
using Future = std::function<std::vector<int32_t>(uint64_t sequence)>;

// Random tokens; or, knowing the truth, always something else at first, or always it.
class OracleDrafter : public Drafter {
 public:
  OracleDrafter(Source source, Future future, int32_t vocab_size)
      : source_(source), future_(std::move(future)), vocab_size_(vocab_size) {}

  void Start(uint64_t, std::span<const int32_t>) override {}
  void Append(uint64_t, std::span<const int32_t>) override {}
  void Propose(std::span<DraftRequest> requests) override {
    for (DraftRequest& request : requests) {
      std::vector<int32_t> tokens = future_(request.sequence);
      if (source_ == Source::kRandom) tokens.assign(kMaxDrafts, -1);
      if (source_ == Source::kWrong && !tokens.empty()) tokens[0] = (tokens[0] + 1) % vocab_size_;
      request.count = std::min(request.wanted, static_cast<int32_t>(tokens.size()));
      for (int32_t i = 0; i < request.count; ++i) {
        const int32_t token = tokens[static_cast<size_t>(i)];
        const auto random = static_cast<int32_t>(random_() % static_cast<uint32_t>(vocab_size_));
        request.drafts[static_cast<size_t>(i)] = {token < 0 ? random : token, i};
      }
    }
  }
  void End(uint64_t) override {}

 private:
  const Source source_;
  const Future future_;
  const int32_t vocab_size_;
  std::mt19937 random_{5};
};

// A head with random weights, two blocks, an input projection and a cut vocabulary.
class RandomHead {
 public:
  explicit RandomHead(const ModelConfig& model) {
    drafter_.hidden_size = model.hidden_size;
    drafter_.exit_dim = 64;
    drafter_.num_layers = 2;
    for (int32_t token = 0; token < model.vocab_size; token += 2) {
      drafter_.vocabulary.push_back(token);
    }
    const int64_t hidden = drafter_.hidden_size, exit = drafter_.exit_dim;
    Add("rnn_w.weight", {hidden, hidden});
    Add("rnn_u.weight", {hidden, hidden});
    Add("rnn_u.bias", {hidden});
    Add("input_proj.weight", {exit, 2 * hidden});
    Add("input_proj.bias", {exit});
    for (const char* layer : {"lm_head.0.linear.", "lm_head.1.linear."}) {
      Add(std::string(layer) + "weight", {exit, exit});
      Add(std::string(layer) + "bias", {exit});
    }
    Add(drafter_.head_name(), {static_cast<int64_t>(drafter_.vocabulary.size()), exit});
  }
  const DrafterCheckpoint& checkpoint() const { return drafter_; }

 private:
  void Add(const std::string& name, const std::vector<int64_t>& shape) {
    int64_t count = 1;
    for (int64_t extent : shape) count *= extent;
    std::normal_distribution<float> normal;
    std::vector<float>& values = storage_.emplace_back(static_cast<size_t>(count));
    for (float& v : values) v = 0.2f * normal(random_);
    drafter_.tensors[name] = {.name = name,
                              .dtype = DType::kF32,
                              .shape = shape,
                              .data = std::as_bytes(std::span(values))};
  }

  std::mt19937 random_{9};
  std::list<std::vector<float>> storage_;
  DrafterCheckpoint drafter_;
};

class Harness {
 public:
  Harness(const TestCheckpoint& weights, int32_t pages, bool prefix_cache,
          std::unique_ptr<Drafter> drafter, ThreadPool& pool) {
    EngineConfig config;
    config.max_batch_size = kBatch;
    config.max_logit_rows = kBatch + 12;
    config.max_num_tokens = 40;
    config.max_seq_len = 128;
    config.compute = "f32";
    const int64_t values = int64_t{2} * weights.checkpoint.config.num_layers *
                           weights.checkpoint.config.num_kv_heads *
                           weights.checkpoint.config.head_dim;
    config.kv_cache_bytes = pages * config.page_size * values * int64_t{sizeof(float)};
    model_ = LoadModel(weights.checkpoint, nullptr, config, pool).value();
    runner_ = std::make_unique<CpuStepRunner>(*model_, pool);
    std::unique_ptr<Drafting> drafting;
    if (drafter != nullptr) {
      drafting =
          std::make_unique<Drafting>(std::move(drafter), StepCost({{1, 1.0}}),
                                     DraftingOptions{.max_drafts = kMaxDrafts, .always = true});
    }
    core = std::make_unique<EngineCore>(*runner_, MakeEngineLimits(*runner_, config).value(),
                                        prefix_cache, std::move(drafting));
  }

  RequestId Submit(const Job& job, std::shared_ptr<CollectingSink> sink) {
    const Job::Part& first = job.parts[0];
    auto sequence = std::make_unique<Sequence>(
        ++last_id_,
        Stretch{first.tokens, first.params, OutputText(*tokenizer_, false, first.params)});
    sequence->sink = std::move(sink);
    sequence->keep = job.parts.size() > 1;
    if (job.score_prompt) sequence->to_score = static_cast<int32_t>(first.tokens.size());
    core->Submit(std::move(sequence));
    return last_id_;
  }
  void Continue(RequestId id, const Job::Part& part) {
    core->Continue(id,
                   Stretch{part.tokens, part.params, OutputText(*tokenizer_, false, part.params)});
  }
  void Step() {
    core->Step();
    core->Deliver();
    const Status status = core->CheckIntegrity();
    ASSERT_TRUE(status.ok()) << status.message();
  }

  std::unique_ptr<EngineCore> core;

 private:
  std::unique_ptr<const Tokenizer> tokenizer_ = MakeByteTokenizer();
  std::unique_ptr<LanguageModel> model_;
  std::unique_ptr<StepRunner> runner_;
  RequestId last_id_ = 0;
};

struct Client {
  const Job* job = nullptr;
  const std::vector<StretchResult>* expected = nullptr;
  std::shared_ptr<CollectingSink> sink = std::make_shared<CollectingSink>();
  RequestId id = 0;
  size_t part = 0;
  bool over = false;
};

class DraftedRequestsTest : public ::testing::TestWithParam<Source> {
 protected:
  DraftedRequestsTest() : weights_(RandomCheckpoint(Shape(), DType::kF32)), head_(Shape()) {
    std::mt19937 rng(31);
    for (int i = 0; i < kRequests; ++i) {
      Job& job = jobs_.emplace_back(RandomJob(rng, 30));
      for (Job::Part& part : job.parts) part.params.max_tokens *= 3;  // so that pages run out
    }
    Harness alone(weights_, 64, /*prefix_cache=*/false, nullptr, pool_);
    for (const Job& job : jobs_) expected_.push_back(RunAlone(alone, job));
  }

  static ModelConfig Shape() {
    ModelConfig config = SmallConfig();
    config.eos_token_ids = {kByteTokenizerEos};
    return config;
  }

  static std::vector<StretchResult> RunAlone(Harness& harness, const Job& job) {
    auto sink = std::make_shared<CollectingSink>();
    const RequestId id = harness.Submit(job, sink);
    std::vector<StretchResult> results;
    for (size_t part = 0; part < job.parts.size(); ++part) {
      if (part > 0) harness.Continue(id, job.parts[part]);
      for (int step = 0; sink->result.done == 0 && step < 1000; ++step) harness.Step();
      results.push_back(std::exchange(sink->result, {}));
    }
    harness.core->Release(id);
    return results;
  }

  std::unique_ptr<Drafter> MakeDrafter(Source source) {
    const auto suffixes = [] { return std::make_unique<SuffixDrafter>(); };
    const auto head = [&] {
      return std::make_unique<Redrafter>(RedrafterNetwork::Load(head_.checkpoint(),
                                                                weights_.checkpoint, kBatch / 2,
                                                                /*exact=*/false, pool_)
                                             .value());
    };
    switch (source) {
      case Source::kNone:
        return nullptr;
      case Source::kSuffix:
        return suffixes();
      case Source::kHead:
        return head();
      case Source::kBoth:
        return std::make_unique<CombinedDrafter>(suffixes(), head());
      default:
        return std::make_unique<OracleDrafter>(
            source, [this](uint64_t sequence) { return FutureOf(sequence); }, Shape().vocab_size);
    }
  }

  std::vector<int32_t> FutureOf(uint64_t sequence) const {
    for (const auto& client : clients_) {
      if (client->id != sequence) continue;
      const std::vector<int32_t>& all = (*client->expected)[client->part].ids;
      const size_t known = std::min(client->sink->result.ids.size(), all.size());
      return {all.begin() + static_cast<int64_t>(known), all.end()};
    }
    return {};
  }

  void Arrive(Harness& harness) {
    while (next_ < jobs_.size() && clients_.size() < 12 && rng_() % 3 == 0) {
      auto client = std::make_unique<Client>();
      client->job = &jobs_[next_];
      client->expected = &expected_[next_++];
      client->id = harness.Submit(*client->job, client->sink);
      clients_.push_back(std::move(client));
    }
    if (clients_.empty() || rng_() % 20 != 0) return;
    const Client& victim = *clients_[rng_() % clients_.size()];
    if (victim.sink->result.done == 0) harness.core->Cancel(victim.id);
  }

  // After a stretch: compares it, then goes on, perhaps after a while, or lets go.
  void Advance(Harness& harness, Client& client) {
    if (client.sink->result.done == 0) return;
    const bool cancelled = client.sink->result.info.reason == FinishReason::kCancelled;
    const bool last = client.part + 1 == client.job->parts.size() || cancelled;
    if (!last && rng_() % 3 == 0) return;  // the tool takes its time
    ExpectSame(std::exchange(client.sink->result, {}), (*client.expected)[client.part]);
    cancelled_ += cancelled ? 1 : 0;
    if (last) {
      harness.core->Release(client.id);
      client.over = true;
    } else {
      harness.Continue(client.id, client.job->parts[++client.part]);
    }
  }

  ThreadPool pool_{1};
  TestCheckpoint weights_;
  RandomHead head_;
  std::vector<Job> jobs_;
  std::vector<std::vector<StretchResult>> expected_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::mt19937 rng_{17};
  size_t next_ = 0;
  int cancelled_ = 0;
};

TEST_P(DraftedRequestsTest, GiveWhatTheyGiveAloneWithoutDrafts) {
  const Source source = GetParam();
  Harness harness(weights_, 14, /*prefix_cache=*/true, MakeDrafter(source), pool_);
  for (int step = 0; (next_ < jobs_.size() || !clients_.empty()) && !HasFatalFailure(); ++step) {
    ASSERT_LT(step, 20000) << "some request makes no progress";
    Arrive(harness);
    harness.Step();
    for (const auto& client : clients_) Advance(harness, *client);
    std::erase_if(clients_, [](const auto& client) { return client->over; });
  }
  const EngineStats stats = harness.core->Stats();
  EXPECT_EQ(stats.pages_free + stats.pages_cached, stats.pages_total);
  EXPECT_GT(stats.preemptions, kRequests / 20) << stats.pages_total << " pages";
  EXPECT_GT(cancelled_, kRequests / 40);
  const DraftStats& drafts = stats.drafts;
  EXPECT_GT(drafts.tokens, source == Source::kNone     ? -1
                           : source == Source::kSuffix ? kRequests / 4
                                                       : 5 * kRequests);
  EXPECT_LE(drafts.accepted, source == Source::kWrong ? 0 : drafts.tokens);
  EXPECT_GT(drafts.accepted, source == Source::kRight ? 5 * kRequests : -1);
}

std::string NameOf(const ::testing::TestParamInfo<Source>& test) {
  constexpr const char* kNames[] = {"None", "Suffix", "Head", "Both", "Random", "Wrong", "Right"};
  return kNames[static_cast<size_t>(test.param)];
}

INSTANTIATE_TEST_SUITE_P(Sources, DraftedRequestsTest,
                         ::testing::Values(Source::kNone, Source::kSuffix, Source::kHead,
                                           Source::kBoth, Source::kRandom, Source::kWrong,
                                           Source::kRight),
                         NameOf);

}  // namespace
}  // namespace qed
