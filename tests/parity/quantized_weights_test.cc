// --quantize on the default model: how far 8-bit weights move its log-probabilities.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "model/loader.h"
#include "tests/support/model_runner.h"
#include "tests/support/test_files.h"
#include "text/tokenizer.h"

namespace qed {
namespace {

constexpr char kText[] =
    "To add two fractions, bring them to a common denominator first. For one third and one "
    "quarter that is twelve, so the sum is four twelfths and three twelfths, or seven twelfths.";

// [T][V] log-probabilities of a text under the default model.
std::vector<std::vector<double>> TextLogProbs(const Checkpoint& checkpoint,
                                              const std::vector<int32_t>& ids,
                                              const std::string& quantize) {
  EngineConfig config;
  config.compute = "f32";
  config.quantize = quantize;
  config.max_batch_size = 64;  // rows of logits
  config.max_num_tokens = 64;
  config.kv_cache_bytes = 16 << 20;
  ThreadPool pool(2);
  auto model = std::move(LoadModel(checkpoint, nullptr, config, pool)).value();
  std::vector<std::vector<double>> rows;
  for (const std::vector<float>& logits : ModelRunner(*model).Step({{0, ids, true}})) {
    rows.push_back(LogProbs(logits));
  }
  return rows;
}

struct Shift {
  double mean_kl = 0;   // nats a token, from the exact distribution to the other
  double mean_own = 0;  // mean change of the text's own tokens' log-probability, signed
};

Shift Compare(const std::vector<std::vector<double>>& exact,
              const std::vector<std::vector<double>>& other, const std::vector<int32_t>& ids) {
  Shift shift;
  const double rows = static_cast<double>(exact.size());
  for (size_t t = 0; t < exact.size(); ++t) {
    for (size_t v = 0; v < exact[t].size(); ++v) {
      shift.mean_kl += std::exp(exact[t][v]) * (exact[t][v] - other[t][v]) / rows;
    }
    if (t + 1 < ids.size()) shift.mean_own += (other[t][ids[t + 1]] - exact[t][ids[t + 1]]) / rows;
  }
  return shift;
}

TEST(QuantizedWeightsTest, LogProbabilitiesOfTheDefaultModelStayNear) {
  const std::string path = DefaultModelPath();
  QED_REQUIRE_FILE(path, "the default model");
  const Checkpoint checkpoint = std::move(OpenCheckpoint(path)).value();
  const auto tokenizer = std::move(Tokenizer::Create(checkpoint.tokenizer)).value();
  const std::vector<int32_t> ids = tokenizer->Encode(kText);
  ASSERT_LE(ids.size(), 64U);
  const auto exact = TextLogProbs(checkpoint, ids, "none");
  struct Case {
    const char* quantize;
    double kl, own;
  };
  for (const Case& c :
       {Case{"int8_wo", 0.01, 0.05}, Case{"fp8", 0.1, 0.2}, Case{"fp8_per_tensor", 0.1, 0.2}}) {
    const Shift shift = Compare(exact, TextLogProbs(checkpoint, ids, c.quantize), ids);
    EXPECT_GT(shift.mean_kl, 0) << c.quantize;
    EXPECT_LT(shift.mean_kl, c.kl) << c.quantize;
    EXPECT_LT(std::abs(shift.mean_own), c.own) << c.quantize;
    RecordProperty(std::string(c.quantize) + "_kl", std::to_string(shift.mean_kl));
  }
}

}  // namespace
}  // namespace qed
