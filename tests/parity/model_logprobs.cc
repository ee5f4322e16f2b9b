// model_logprobs MODEL COMPUTE CHUNK ID...: the log-probs after each token, one
// JSON array of [T][V], the tokens given to the model CHUNK at a time. For
// tests that compare with another implementation.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "model/loader.h"
#include "tests/support/model_runner.h"

namespace qed {
namespace {

int Run(const std::string& path, const std::string& compute, size_t chunk,
        const std::vector<int32_t>& tokens) {
  const auto checkpoint = OpenCheckpoint(path);
  if (!checkpoint.ok()) {
    std::fprintf(stderr, "%s\n", checkpoint.status().message().c_str());
    return 1;
  }
  ThreadPool pool(2);
  EngineConfig config;
  config.compute = compute;
  config.kv_cache_bytes = int64_t{64} << 20;
  config.max_batch_size = config.max_num_tokens;
  const auto model = LoadModel(*checkpoint, nullptr, config, pool);
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.status().message().c_str());
    return 1;
  }
  ModelRunner runner(**model);
  std::printf("[");
  for (size_t at = 0; at < tokens.size(); at += chunk) {
    const auto begin = tokens.begin() + static_cast<int64_t>(at);
    const auto count = static_cast<int64_t>(std::min(chunk, tokens.size() - at));
    const auto rows = runner.Step({{0, {begin, begin + count}, true}});
    for (size_t r = 0; r < rows.size(); ++r) {
      std::printf(at + r == 0 ? "[" : ",[");
      const std::vector<double> log_probs = LogProbs(rows[r]);
      for (size_t i = 0; i < log_probs.size(); ++i) {
        std::printf(i == 0 ? "%.7g" : ",%.7g", log_probs[i]);
      }
      std::printf("]");
    }
  }
  std::printf("]\n");
  return 0;
}

}  // namespace
}  // namespace qed

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: model_logprobs MODEL COMPUTE CHUNK ID...\n");
    return 2;
  }
  std::vector<int32_t> tokens;
  for (int i = 4; i < argc; ++i) tokens.push_back(std::atoi(argv[i]));
  const auto chunk = static_cast<size_t>(std::max(1, std::atoi(argv[3])));
  return qed::Run(argv[1], argv[2], chunk, tokens);
}
