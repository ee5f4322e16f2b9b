// model_logprobs MODEL DEVICE QUANTIZE CHUNKS ID...: the log-probs after each of the
// tokens, one JSON array of [chunks][T][V]. CHUNKS, say 40,7,1: how many tokens the model
// is given at a time, for each a new sequence. DEVICE is cpu, which computes in f32,
// cpu-as-stored, which computes as without --compute, or cuda. For tests that compare with
// another implementation.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "config/engine_config.h"
#include "model/loader.h"
#include "tests/parity/gpu_model.h"
#include "tests/support/model_runner.h"

namespace qed {
namespace {

using Rows = std::vector<std::vector<double>>;

Rows LogProbsInChunks(ModelRunner& runner, int sequence, size_t chunk,
                      const std::vector<int32_t>& tokens) {
  Rows log_probs;
  for (size_t at = 0; at < tokens.size(); at += chunk) {
    const auto begin = tokens.begin() + static_cast<int64_t>(at);
    const auto count = static_cast<int64_t>(std::min(chunk, tokens.size() - at));
    for (const auto& logits : runner.Step({{sequence, {begin, begin + count}, true}})) {
      log_probs.push_back(LogProbs(logits));
    }
  }
  return log_probs;
}

void Print(const Rows& rows) {
  std::printf("[");
  for (size_t r = 0; r < rows.size(); ++r) {
    std::printf(r == 0 ? "[" : ",[");
    for (size_t i = 0; i < rows[r].size(); ++i) {
      std::printf(i == 0 ? "%.7g" : ",%.7g", rows[r][i]);
    }
    std::printf("]");
  }
  std::printf("]");
}

Status Run(const std::string& path, const std::string& device, const std::string& quantize,
           const std::vector<int32_t>& chunks, const std::vector<int32_t>& tokens) {
  QED_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(path));
  ThreadPool pool(2);
  EngineConfig config;
  config.compute = device == "cpu" ? "f32" : "auto";
  config.quantize = quantize;
  config.kv_cache_bytes = int64_t{64} << 20;
  config.max_num_tokens = static_cast<int32_t>(tokens.size());
  config.max_batch_size = config.max_num_tokens;
  QED_ASSIGN_OR_RETURN(const auto model, device != "cuda"
                                             ? LoadModel(checkpoint, nullptr, config, pool)
                                             : LoadOnGpu(checkpoint, config, pool));
  ModelRunner runner(*model);
  std::printf("[");
  for (size_t i = 0; i < chunks.size(); ++i) {
    if (i > 0) std::printf(",");
    Print(LogProbsInChunks(runner, static_cast<int>(i), static_cast<size_t>(chunks[i]), tokens));
  }
  std::printf("]\n");
  return OkStatus();
}

}  // namespace
}  // namespace qed

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr,
                 "usage: model_logprobs MODEL cpu|cpu-as-stored|cuda QUANTIZE CHUNKS ID...\n");
    return 2;
  }
  std::vector<int32_t> chunks, tokens;
  std::istringstream list(argv[4]);
  for (std::string chunk; std::getline(list, chunk, ',');) {
    chunks.push_back(std::max(1, std::atoi(chunk.c_str())));
  }
  for (int i = 5; i < argc; ++i) tokens.push_back(std::atoi(argv[i]));
  const qed::Status done = qed::Run(argv[1], argv[2], argv[3], chunks, tokens);
  if (!done.ok()) std::fprintf(stderr, "%s\n", done.message().c_str());
  return done.ok() ? 0 : 1;
}
