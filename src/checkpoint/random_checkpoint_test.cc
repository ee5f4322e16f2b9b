#include "checkpoint/random_checkpoint.h"

#include <set>
#include <string>

#include "checkpoint/architecture.h"
#include "checkpoint/network_tensors.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(RandomCheckpointTest, EveryNamedShapeIsANetwork) {
  std::string names = RandomShapeNames() + ", ";
  int count = 0;
  for (size_t at = 0; at < names.size(); ++count) {
    const size_t end = names.find(", ", at);
    const auto config = RandomShape(names.substr(at, end - at));
    ASSERT_TRUE(config.ok()) << config.status().message();
    EXPECT_TRUE(ValidateModelConfig(*config).ok());
    EXPECT_TRUE(FindHfArchitecture(config->architecture).ok());
    at = end + 2;
  }
  EXPECT_EQ(count, 7);
}

TEST(RandomCheckpointTest, TheFourteenBillionShapeIsItself) {
  const auto config = RandomShape("qwen2.5-14b");
  ASSERT_TRUE(config.ok());
  int64_t linears = 0, all = 0;
  for (const ExpectedTensor& tensor : ExpectedTensors(*config)) {
    const int64_t values = tensor.shape[0] * (tensor.shape.size() == 2 ? tensor.shape[1] : 1);
    all += values;
    if (tensor.hf_name.find("_proj.weight") != std::string::npos) linears += values;
  }
  EXPECT_EQ(linears, 13212057600);
  EXPECT_EQ(all, 14770033664);  // as the model's card counts them
}

TEST(RandomCheckpointTest, HasEveryTensorWithAStreamOfItsOwn) {
  const auto config = RandomShape("tiny");
  ASSERT_TRUE(config.ok());
  const Checkpoint checkpoint = MakeRandomCheckpoint("tiny", *config);
  std::set<uint64_t> streams;
  for (const ExpectedTensor& expected : ExpectedTensors(*config)) {
    const CheckpointTensor* tensor = checkpoint.Find(expected.hf_name);
    ASSERT_NE(tensor, nullptr) << expected.hf_name;
    ASSERT_TRUE(tensor->random.has_value());
    EXPECT_EQ(tensor->shape, expected.shape);
    streams.insert(tensor->random->stream);
    const bool norm = expected.hf_name.find("norm") != std::string::npos;
    EXPECT_EQ(tensor->random->mean, norm ? 1.0F : 0.0F) << expected.hf_name;
  }
  EXPECT_EQ(streams.size(), checkpoint.tensors.size());
}

TEST(RandomCheckpointTest, UnknownNamesAreRefusedWithTheKnownOnes) {
  const Status status = RandomShape("gpt-5\n").status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("gpt-5?"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("smollm2-135m"), std::string::npos);
}

}  // namespace
}  // namespace qed
