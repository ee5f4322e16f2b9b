#include "kernels/cuda/embedding.h"

#include <vector>

#include "gtest/gtest.h"
#include "kernels/cuda/test_support.h"

namespace qed::cuda {
namespace {

TEST(CudaEmbeddingTest, GivesTheRowsOfHostAndDeviceIds) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  constexpr int kVocab = 50;
  // The third is what the device sampled in slot 1, the last two are no ids.
  const std::vector<int32_t> tokens = {0, 49, -2, 17, 50, -3};
  const std::vector<int32_t> sampled = {7, 33, -1};
  const std::vector<int32_t> taken = {0, 49, 33, 17, 0, 0};
  for (int width : {4, 576, 1028, 5120}) {
    const std::vector<BFloat16> table = RandomBFloat16(kVocab * width, 3);
    const DeviceArray<BFloat16> device_table(table);
    const DeviceArray<int32_t> device_tokens(tokens), device_sampled(sampled);
    const DeviceArray<float> out(tokens.size() * static_cast<size_t>(width), NAN);
    Embedding(static_cast<int32_t>(tokens.size()), width, kVocab, device_table.data(),
              device_tokens.data(), device_sampled.data(), out.data(), stream.handle());
    const std::vector<float> rows = out.Download();
    for (size_t t = 0; t < taken.size(); ++t) {
      for (int i = 0; i < width; ++i) {
        ASSERT_EQ(rows[t * width + i], ToFloat(table[taken[t] * width + i])) << t << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace qed::cuda
