// A decode step allocates nothing. A program of its own, because it replaces the
// global operator new.
#include <atomic>
#include <cstdlib>
#include <new>

#include "engine/core_test_support.h"

namespace {

std::atomic<int64_t> allocations{0};

void* TryAllocate(std::size_t size) noexcept {
  ++allocations;
  return std::malloc(size);
}

void* Allocate(std::size_t size) {
  if (void* memory = TryAllocate(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

// Not inlined, so that the compiler does not take free() for a mismatch.
#define QED_REPLACEMENT [[gnu::noinline]]
QED_REPLACEMENT void* operator new(std::size_t size) { return Allocate(size); }
QED_REPLACEMENT void* operator new[](std::size_t size) { return Allocate(size); }
QED_REPLACEMENT void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return TryAllocate(size);
}
QED_REPLACEMENT void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return TryAllocate(size);
}
QED_REPLACEMENT void operator delete(void* memory) noexcept { std::free(memory); }
QED_REPLACEMENT void operator delete[](void* memory) noexcept { std::free(memory); }
QED_REPLACEMENT void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
QED_REPLACEMENT void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace qed {
namespace {

class NullSink : public OutputSink {
 public:
  void OnTokens(RequestId, const TokenChunk&) override {}
  void OnDone(RequestId, const FinishInfo&) override {}
};

TEST(EngineAllocations, ADecodeStepAllocatesNothing) {
  CoreHarness harness(Depth::kOne, {});
  for (int i = 0; i < 8; ++i) {
    SamplingParams params;
    params.max_tokens = 80;
    params.sample_index = i;
    params.top_p = 0.9f;
    params.min_p = i % 2 ? 0.01f : 0.0f;
    params.top_k = i % 3 ? 20 : 0;
    params.logprobs = i % 4 - 1;
    params.repetition_penalty = i % 5 == 0 ? 1.1f : 1.0f;
    params.stop = {"never comes"};
    auto sequence =
        std::make_unique<Sequence>(i + 1, Stretch{std::vector<int32_t>(10 + i, 'a'), params,
                                                  OutputText(*harness.tokenizer, false, params)});
    sequence->sink = std::make_shared<NullSink>();
    harness.core.Submit(std::move(sequence));
  }
  // Prefill, and text buffers finding their size.
  const auto step = [&] {
    harness.core.Step();
    harness.core.Deliver();
  };
  for (int i = 0; i < 20; ++i) step();
  ASSERT_EQ(harness.core.Stats().running, 8);
  const int64_t before = allocations;
  for (int i = 0; i < 40; ++i) step();
  EXPECT_EQ(allocations - before, 0) << "in 40 steps of 8 sequences";
  EXPECT_EQ(harness.core.Stats().running, 8);
}

}  // namespace
}  // namespace qed
