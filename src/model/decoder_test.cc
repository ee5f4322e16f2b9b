// A row of logits is the same bytes whatever else is in the step, and a step
// allocates nothing.
#include "model/decoder.h"

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "model/loader.h"
#include "model/test_checkpoint.h"
#include "tests/support/model_runner.h"

namespace {
std::atomic<int64_t> allocations{0};
}  // namespace

[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
// Of the same kind as what is deleted below: the library uses it too.
[[gnu::noinline]] void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace qed {
namespace {

struct Case {
  const char* name;
  DType dtype;
  const char* compute;
  bool qwen3;
};

std::vector<int32_t> RandomTokens(int count, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int32_t> id(0, 299);
  std::vector<int32_t> tokens(count);
  for (int32_t& t : tokens) t = id(generator);
  return tokens;
}

class DecoderTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    ModelConfig config = SmallConfig();
    if (GetParam().qwen3) {
      config.qk_norm = config.qkv_bias = config.output_bias = true;
      config.tied_embeddings = false;
    }
    test_ = RandomCheckpoint(config, GetParam().dtype);
  }
  std::unique_ptr<LanguageModel> Load(ThreadPool& pool) {
    EngineConfig config;
    config.compute = GetParam().compute;
    config.kv_cache_bytes = 8 << 20;
    config.max_num_tokens = 400;
    config.max_batch_size = 400;
    return LoadModel(test_.checkpoint, nullptr, config, pool).value();
  }
  TestCheckpoint test_;
};

TEST_P(DecoderTest, SameBytesInAnyCompany) {
  const int length = 300;  // more than one attention partition
  const std::vector<int32_t> tokens = RandomTokens(length, 3);
  ThreadPool one(1), two(2);
  const auto model = Load(one);
  const auto whole = ModelRunner(*model).Step({{0, tokens, true}});
  ASSERT_EQ(whole.size(), tokens.size());

  const auto other_model = Load(two);
  ModelRunner runner(*other_model);
  runner.SkipPages(3);
  int at = 0, strangers = 1;
  for (int count : {1, 2, 30, 1, 17, 200, 5, 1, 1, 42}) {
    std::vector<ModelRunner::Input> inputs;
    for (int s = 0; s < strangers % 4; ++s) inputs.push_back({1 + s, RandomTokens(1 + 7 * s, at)});
    const size_t others = inputs.size();
    inputs.insert(inputs.begin() + static_cast<int64_t>(others / 2),
                  {0, {tokens.begin() + at, tokens.begin() + at + count}, true});
    const auto logits = runner.Step(inputs);
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(logits[others / 2 + i], whole[at + i]) << "position " << at + i;
    }
    at += count;
    strangers += 5;
  }
  EXPECT_EQ(at, length);
}

TEST_P(DecoderTest, ForwardAllocatesNothing) {
  ThreadPool pool(2);
  const auto model = Load(pool);
  const std::vector<int32_t> pages = {4, 2, 9}, tokens = RandomTokens(33, 1);
  const std::vector<ForwardBatch::Sequence> prefill = {{0, 33, 0, pages}};
  const std::vector<ForwardBatch::Sequence> decode = {{0, 1, 33, pages}};
  const std::vector<int32_t> last = {32}, first = {0};
  const int64_t before = allocations.load();
  const auto a = model->Forward({tokens, prefill, last});
  const auto b = model->Forward({{tokens.data(), 1}, decode, first});
  const auto none = model->Forward({{tokens.data(), 1}, decode, {}});
  EXPECT_EQ(allocations.load(), before);
  EXPECT_EQ(a.size(), 300u);
  EXPECT_EQ(b.size(), 300u);
  EXPECT_TRUE(none.empty());
}

INSTANTIATE_TEST_SUITE_P(Formats, DecoderTest,
                         ::testing::Values(Case{"Q41", DType::kQ4_1, "auto", false},
                                           Case{"Q80Qwen3", DType::kQ8_0, "auto", true},
                                           Case{"BF16", DType::kBF16, "auto", false},
                                           Case{"F32Qwen3", DType::kF32, "f32", true}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace qed
