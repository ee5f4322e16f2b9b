// The head on a GPU beside the one on the CPU, in f32. Needs a GPU; skips where there is none.
#include "draft/cuda_redrafter.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "draft/head_test_support.h"
#include "draft/redrafter.h"
#include "gtest/gtest.h"
#include "kernels/cuda/test_support.h"

namespace qed {
namespace {

using cuda::BFloat16;
using cuda::DeviceArray;

constexpr int32_t kDrafts = 3;

struct OnGpu {
  HeadCase head;
  WeightFormat format;
};

class CudaRedrafterTest : public ::testing::TestWithParam<OnGpu> {
 protected:
  void SetUp() override {
    QED_REQUIRE_DEVICE();
    WriteBytes(dir_.File("m.gguf"), TinyGguf().Build());
    model_ = *OpenCheckpoint(dir_.File("m.gguf"));
    WriteHead(dir_, GetParam().head);
    drafter_ = OpenDrafter(dir_.File("d"), model_).value();
    stream_ = cuda::TestStream();
  }

  DeviceArray<BFloat16> Embedding() const {
    const CheckpointTensor& tensor = *model_.Find("model.embed_tokens.weight");
    std::vector<float> values(static_cast<size_t>(kHeadVocab) * kHeadHidden);
    const size_t bytes = tensor.data.size() / kHeadVocab;
    for (size_t t = 0; t < kHeadVocab; ++t) {
      DequantizeRow(tensor.dtype, tensor.data.subspan(t * bytes, bytes),
                    std::span(values).subspan(t * kHeadHidden, kHeadHidden));
    }
    return DeviceArray<BFloat16>(cuda::ToBFloat16(values));
  }

  // Checks chain `chain` of `chains`, which goes on from `token` with the hidden state of `row`.
  void CheckChain(std::span<const cuda::DraftToken> drafts, size_t chain, size_t chains,
                  const std::vector<BFloat16>& hidden, int32_t row, int32_t token) {
    RedrafterNetwork network =
        RedrafterNetwork::Load(drafter_, model_, 1, /*exact=*/true, pool_).value();
    std::vector<float> given;
    for (int32_t i = 0; i < kHeadHidden; ++i) {
      given.push_back(cuda::ToFloat(hidden[static_cast<size_t>(row * kHeadHidden + i)]));
    }
    const std::span<const float> only = given;
    network.Begin({&only, 1});
    const double tolerance = GetParam().format == WeightFormat::kFp8 ? 0.15 : 0.03;
    for (size_t d = 0; d < kDrafts; ++d) {
      const std::span<const float> logits = network.Advance({&token, 1});
      const cuda::DraftToken& got = drafts[d * chains + chain];
      double best = -1e30, squares = 0, sum = 0, own = -1e30;
      for (size_t i = 0; i < logits.size(); ++i) {
        best = std::max(best, double{logits[i]});
        squares += double{logits[i]} * logits[i];
        if (network.TokenOf(static_cast<int32_t>(i)) == got.id) own = logits[i];
      }
      for (float logit : logits) sum += std::exp(double{logit} - best);
      const double size = std::sqrt(squares / static_cast<double>(logits.size()));
      EXPECT_GE(own, best - 2 * tolerance * size) << "chain " << chain << " draft " << d;
      EXPECT_NEAR(std::log(double{got.probability}), own - best - std::log(sum),
                  4 * tolerance * size)
          << "chain " << chain << " draft " << d;
      token = got.id;
    }
  }

  TempDir dir_;
  Checkpoint model_;
  DrafterCheckpoint drafter_;
  cuda::Stream stream_;
  ThreadPool pool_{1};
};

// Chains begin behind the last token that counts: of a sequence whose drafts were right up to the
// second, of one without, of one whose only draft was wrong, of one whose drafts all were right.
TEST_P(CudaRedrafterTest, GoesOnFromWhatWasAcceptedAsTheCpuDoes) {
  const DeviceArray<BFloat16> embedding = Embedding();
  const cuda::DeviceWeight view = {.format = WeightFormat::kBF16,
                                   .n = kHeadVocab,
                                   .k = kHeadHidden,
                                   .data = reinterpret_cast<const std::byte*>(embedding.data())};
  auto head = CudaRedrafter::Load(
      drafter_, view, {.max_chains = 9, .max_drafts = kDrafts, .format = GetParam().format},
      stream_);
  ASSERT_TRUE(head.ok()) << head.status().message();
  const std::vector<int32_t> drafted = {5, 6, 7, -1, -1, 3, -1, 8, -1};
  const std::vector<int32_t> drawn = {5, 6, 1, 0, 10, 4, 2, 8, 9};
  std::vector<cuda::SamplingRow> rows(drafted.size());
  std::vector<cuda::TokenLogprob> result(drafted.size());
  std::vector<float> values;
  for (size_t r = 0; r < rows.size(); ++r) {
    rows[r].draft = drafted[r];
    result[r].id = drawn[r];
    const std::vector<float> hidden = HiddenState(r);
    values.insert(values.end(), hidden.begin(), hidden.end());
  }
  const std::vector<BFloat16> hidden = cuda::ToBFloat16(values);
  const DeviceArray<cuda::SamplingRow> device_rows(rows);
  const DeviceArray<cuda::TokenLogprob> device_result(result);
  const DeviceArray<BFloat16> device_hidden(hidden);
  const DeviceArray<int32_t> first_rows(std::vector<int32_t>{0, 4, 5, 7});
  for (int32_t chains : {4, 1}) {
    (*head)->Draft(
        {device_rows.data(), device_result.data(), device_hidden.data(), first_rows.data()}, chains,
        kDrafts);
    std::vector<cuda::DraftToken> drafts(static_cast<size_t>(chains) * kDrafts);
    cuda::CopyToHost(drafts.data(), (*head)->drafts(), drafts.size() * sizeof(drafts[0]),
                     stream_.handle());
    ASSERT_TRUE(stream_.Synchronize().ok());
    const std::vector<int32_t> latest = {2, 4, 5, 8};
    for (size_t c = 0; c < static_cast<size_t>(chains); ++c) {
      CheckChain(drafts, c, static_cast<size_t>(chains), hidden, latest[c],
                 drawn[static_cast<size_t>(latest[c])]);
    }
  }
}

TEST_P(CudaRedrafterTest, RefusesSidesThatNoKernelWasMadeFor) {
  drafter_.exit_dim = 2 * kHeadHidden + 8;
  const cuda::DeviceWeight view = {.n = kHeadVocab, .k = kHeadHidden};
  const auto head = CudaRedrafter::Load(
      drafter_, view, {.max_chains = 4, .max_drafts = 1, .format = GetParam().format}, stream_);
  ASSERT_FALSE(head.ok());
  EXPECT_EQ(head.status().code(), StatusCode::kUnsupported);
  EXPECT_TRUE(head.status().message().starts_with(dir_.File("d"))) << head.status().message();
}

INSTANTIATE_TEST_SUITE_P(Heads, CudaRedrafterTest,
                         ::testing::Values(OnGpu{{true, 2, 64, false}, WeightFormat::kBF16},
                                           OnGpu{{true, 1, 48, true}, WeightFormat::kBF16},
                                           OnGpu{{false, 0, 64, false}, WeightFormat::kBF16},
                                           OnGpu{{false, 3, 48, true}, WeightFormat::kFp8},
                                           OnGpu{{true, 2, 64, true}, WeightFormat::kFp8}));

}  // namespace
}  // namespace qed
