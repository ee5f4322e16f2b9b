// redrafter_logits MODEL DRAFTER: reads {"hidden": [R][E], "tokens": [T][R]} from standard
// input and prints the head's logits [T][R][rows], in f32, where row r's chain begins with
// hidden[r] and goes on with tokens[0][r], tokens[1][r], ... For a test that compares with
// another implementation.
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/drafter_checkpoint.h"
#include "draft/redrafter.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

Status Run(const std::string& model_path, const std::string& drafter_path) {
  QED_ASSIGN_OR_RETURN(const Checkpoint model, OpenCheckpoint(model_path));
  QED_ASSIGN_OR_RETURN(const DrafterCheckpoint drafter, OpenDrafter(drafter_path, model));
  const auto input = nlohmann::json::parse(std::cin);
  const auto hidden = input.at("hidden").get<std::vector<std::vector<float>>>();
  const auto tokens = input.at("tokens").get<std::vector<std::vector<int32_t>>>();
  ThreadPool pool(2);
  QED_ASSIGN_OR_RETURN(
      RedrafterNetwork network,
      RedrafterNetwork::Load(drafter, model, static_cast<int32_t>(hidden.size()), true, pool));
  network.Begin(std::vector<std::span<const float>>(hidden.begin(), hidden.end()));
  auto out = nlohmann::json::array();
  for (const std::vector<int32_t>& step : tokens) {
    const std::span<const float> logits = network.Advance(step);
    const auto rows = static_cast<size_t>(network.head_rows());
    auto& of_step = out.emplace_back(nlohmann::json::array());
    for (size_t r = 0; r < step.size(); ++r) of_step.push_back(logits.subspan(r * rows, rows));
  }
  std::printf("%s\n", out.dump().c_str());
  return OkStatus();
}

}  // namespace
}  // namespace qed

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: redrafter_logits MODEL DRAFTER <INPUT.json\n");
    return 2;
  }
  const qed::Status done = qed::Run(argv[1], argv[2]);
  if (!done.ok()) std::fprintf(stderr, "%s\n", done.message().c_str());
  return done.ok() ? 0 : 1;
}
