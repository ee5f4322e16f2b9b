// Random requests for tests of the engine, and when two of their results are the same.
#ifndef QED_ENGINE_RANDOM_JOBS_H_
#define QED_ENGINE_RANDOM_JOBS_H_

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/core_test_support.h"
#include "gtest/gtest.h"

namespace qed {

// A request and the stretches that follow it.
struct Job {
  struct Part {
    std::vector<int32_t> tokens;
    SamplingParams params;
  };
  std::vector<Part> parts;
  bool score_prompt = false;
};

inline SamplingParams RandomParams(std::mt19937& rng) {
  SamplingParams params;
  params.temperature = rng() % 4 == 0 ? 0.0f : 0.1f * static_cast<float>(1 + rng() % 15);
  params.top_k = rng() % 2 ? 0 : static_cast<int32_t>(rng() % 50);
  params.top_p = rng() % 2 ? 1.0f : 0.9f;
  if (rng() % 3 == 0) {
    params.repetition_penalty = 1.1f;
    params.frequency_penalty = 0.2f;
    params.presence_penalty = 0.1f;
  }
  params.seed = rng() % 5;
  params.sample_index = rng() % 5;
  params.max_tokens = 1 + static_cast<int32_t>(rng() % 25);
  if (rng() % 3 == 0) params.stop = {std::string(1, static_cast<char>('a' + rng() % 26)), "zq"};
  if (rng() % 4 == 0) params.logprobs = static_cast<int32_t>(rng() % 4);
  if (rng() % 6 == 0) params.forced_tokens.resize(rng() % 10, static_cast<int32_t>(rng() % 256));
  return params;
}

// Few distinct beginnings, so that prefixes are shared.
inline Job RandomJob(std::mt19937& rng, int32_t max_prompt) {
  Job job;
  job.score_prompt = rng() % 8 == 0;
  const int parts = rng() % 3 == 0 ? 1 + static_cast<int>(rng() % 3) : 1;
  for (int p = 0; p < parts; ++p) {
    std::vector<int32_t> tokens(1 + rng() % (p == 0 ? max_prompt : 6));
    const auto family = static_cast<int32_t>(rng() % 4);
    for (size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] =
          i < 20 ? static_cast<int32_t>(100 * family + i) % 256 : static_cast<int32_t>(rng() % 256);
    }
    job.parts.push_back({std::move(tokens), RandomParams(rng)});
  }
  return job;
}

inline void ExpectSame(const std::vector<TokenLogprob>& got,
                       const std::vector<TokenLogprob>& want) {
  ASSERT_LE(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].token_id, want[i].token_id);
    EXPECT_EQ(got[i].logprob, want[i].logprob);
    EXPECT_EQ(got[i].top, want[i].top);
  }
}

inline void ExpectSame(const StretchResult& got, const StretchResult& want) {
  EXPECT_EQ(got.done, 1);
  const bool cancelled = got.info.reason == FinishReason::kCancelled;
  if (!cancelled) {
    EXPECT_EQ(got.ids, want.ids);
    EXPECT_EQ(got.text, want.text);
    EXPECT_EQ(got.info.reason, want.info.reason);
    EXPECT_EQ(got.info.stop_reason, want.info.stop_reason);
    EXPECT_EQ(got.info.generated_tokens, want.info.generated_tokens);
    EXPECT_EQ(got.info.prompt_tokens, want.info.prompt_tokens);
  } else {
    ASSERT_LE(got.ids.size(), want.ids.size());
    EXPECT_TRUE(std::equal(got.ids.begin(), got.ids.end(), want.ids.begin()));
  }
  ExpectSame(got.logprobs, want.logprobs);
  ExpectSame(got.prompt_logprobs, want.prompt_logprobs);
  EXPECT_TRUE(cancelled || got.prompt_logprobs.size() == want.prompt_logprobs.size());
}

}  // namespace qed

#endif  // QED_ENGINE_RANDOM_JOBS_H_
