// The head beside its formulas, written down in double precision; beside PyTorch in
// tests/parity/redrafter_parity.py.
#include "draft/redrafter.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "draft/head_test_support.h"
#include "gtest/gtest.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

constexpr int32_t kHidden = kHeadHidden, kVocab = kHeadVocab;

using Vector = std::vector<double>;

class RedrafterTest : public ::testing::TestWithParam<HeadCase> {
 protected:
  RedrafterTest() {
    WriteBytes(dir_.File("m.gguf"), TinyGguf().Build());
    model_ = *OpenCheckpoint(dir_.File("m.gguf"));
    tensors_ = WriteHead(dir_, GetParam());
  }
  RedrafterNetwork Load(int32_t max_rows) {
    const DrafterCheckpoint drafter = OpenDrafter(dir_.File("d"), model_).value();
    return RedrafterNetwork::Load(drafter, model_, max_rows, /*exact=*/true, pool_).value();
  }

  double At(const std::string& name, size_t i) const {
    float value = 0;
    std::memcpy(&value, tensors_.at(name).data.data() + i * sizeof(value), sizeof(value));
    return value;
  }
  // W x + b, where there is a b.
  Vector Times(const std::string& name, const Vector& x) const {
    Vector y(static_cast<size_t>(tensors_.at(name + ".weight").shape[0]));
    for (size_t i = 0; i < y.size(); ++i) {
      if (tensors_.contains(name + ".bias")) y[i] = At(name + ".bias", i);
      for (size_t k = 0; k < x.size(); ++k) y[i] += At(name + ".weight", i * x.size() + k) * x[k];
    }
    return y;
  }
  static double Silu(double x) { return x / (1 + std::exp(-x)); }
  // Logits after `tokens`, and the state.
  Vector Logits(const std::vector<float>& hidden, const std::vector<int32_t>& tokens) const {
    const HeadCase& c = GetParam();
    Vector state(kHidden, 0.0);
    const CheckpointTensor& embedding = *model_.Find("model.embed_tokens.weight");
    for (int32_t token : tokens) {
      std::vector<float> row(kHidden);
      const size_t bytes = embedding.data.size() / kVocab;
      DequantizeRow(embedding.dtype, embedding.data.subspan(token * bytes, bytes), row);
      const Vector embedded(row.begin(), row.end());
      if (c.rnn) {
        const Vector w = Times("rnn_w", embedded), u = Times("rnn_u", state);
        for (size_t i = 0; i < state.size(); ++i) state[i] = Silu(w[i] + u[i]);
      } else {
        for (size_t i = 0; i < state.size(); ++i) state[i] += embedded[i];
      }
    }
    Vector z(hidden.begin(), hidden.end());
    z.insert(z.end(), state.begin(), state.end());
    if (c.exit_dim != 2 * kHidden) z = Times("input_proj", z);
    for (int32_t i = 0; i < c.layers; ++i) {
      const Vector a = Times("lm_head." + std::to_string(i) + ".linear", z);
      for (size_t k = 0; k < z.size(); ++k) z[k] += Silu(a[k]);
    }
    return Times("lm_head." + std::to_string(c.layers), z);
  }

  TempDir dir_;
  Checkpoint model_;
  std::map<std::string, SafetensorsTensor> tensors_;
  ThreadPool pool_{2};
};

TEST_P(RedrafterTest, LogitsAreThoseOfTheFormulas) {
  RedrafterNetwork network = Load(3);
  const std::vector<std::vector<float>> hidden = {HiddenState(1), HiddenState(2), HiddenState(3)};
  const std::vector<std::vector<int32_t>> tokens = {{1, 2, 3}, {4, 4, 4}, {11, 0, 7}};
  network.Begin(std::vector<std::span<const float>>(hidden.begin(), hidden.end()));
  for (size_t t = 0; t < 3; ++t) {
    const std::span<const float> logits =
        network.Advance(std::vector<int32_t>{tokens[0][t], tokens[1][t], tokens[2][t]});
    for (size_t r = 0; r < 3; ++r) {
      const Vector want = Logits(hidden[r], {tokens[r].begin(), tokens[r].begin() + t + 1});
      ASSERT_EQ(want.size(), static_cast<size_t>(network.head_rows()));
      for (size_t i = 0; i < want.size(); ++i) {
        EXPECT_NEAR(logits[r * want.size() + i], want[i], 1e-4) << "row " << r << " step " << t;
      }
    }
  }
}

// In 8 bits the logits are those of the formulas nearly.
TEST_P(RedrafterTest, RoundedWeightsChangeLogitsLittle) {
  const DrafterCheckpoint drafter = OpenDrafter(dir_.File("d"), model_).value();
  RedrafterNetwork network = RedrafterNetwork::Load(drafter, model_, 2, false, pool_).value();
  const std::vector<std::vector<float>> hidden = {HiddenState(1), HiddenState(2)};
  network.Begin(std::vector<std::span<const float>>(hidden.begin(), hidden.end()));
  const std::span<const float> logits = network.Advance(std::vector<int32_t>{3, 5});
  for (size_t r = 0; r < 2; ++r) {
    const Vector want = Logits(hidden[r], {r == 0 ? 3 : 5});
    double error = 0, size = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      error += std::pow(logits[r * want.size() + i] - want[i], 2);
      size += std::pow(want[i], 2);
    }
    EXPECT_LT(error, 1e-3 * size) << "row " << r;
  }
}

TEST_P(RedrafterTest, DraftsAreTheLikeliestOneAfterTheOther) {
  Redrafter drafter(Load(2));
  std::vector<std::vector<float>> hidden;
  std::vector<DraftRequest> requests;
  for (uint64_t i = 0; i < 5; ++i) {
    hidden.push_back(HiddenState(i));
    requests.push_back({.sequence = i, .newest = static_cast<int32_t>(2 * i), .wanted = 3});
  }
  for (size_t i = 0; i < 5; ++i) requests[i].hidden = hidden[i];
  requests[3].hidden = {};
  requests[4].wanted = 1;
  drafter.Propose(requests);
  for (size_t r = 0; r < requests.size(); ++r) {
    ASSERT_EQ(requests[r].count, r == 3 ? 0 : requests[r].wanted);
    std::vector<int32_t> tokens = {requests[r].newest};
    for (int32_t i = 0; i < requests[r].count; ++i) {
      const Vector logits = Logits(hidden[r], tokens);
      const auto best = std::ranges::max_element(logits) - logits.begin();
      tokens.push_back(GetParam().cut ? kCutVocabulary[best] : static_cast<int32_t>(best));
      EXPECT_EQ(requests[r].drafts[i].id, tokens.back()) << "row " << r << " draft " << i;
      EXPECT_LT(requests[r].drafts[i].kind, kDraftKinds);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Heads, RedrafterTest,
    ::testing::Values(HeadCase{true, 0, 64, false}, HeadCase{true, 1, 64, false},
                      HeadCase{true, 2, 48, false}, HeadCase{true, 3, 64, true},
                      HeadCase{false, 2, 64, false}, HeadCase{false, 0, 48, true}));

}  // namespace
}  // namespace qed
