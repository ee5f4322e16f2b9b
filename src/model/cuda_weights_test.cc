// What is on the GPU after a load beside what the host packs for an engine's file: the same
// bytes, made by two programs.
#include "model/cuda_weights.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "checkpoint/random_checkpoint.h"
#include "cuda/buffer.h"
#include "cuda/stream.h"
#include "cuda/test_device.h"
#include "gtest/gtest.h"
#include "model/gpu_weight_packer.h"
#include "model/test_checkpoint.h"

namespace qed {
namespace {

std::vector<std::byte> OnTheHost(const WeightReader& reader, const WeightLayout& layout,
                                 const std::optional<WeightRecipe>& quantize, ThreadPool& pool) {
  std::vector<std::byte> bytes(static_cast<size_t>(layout.bytes));
  const GpuWeightPacker packer(reader, quantize);
  for (const LaidTensor& laid : layout.tensors) {
    packer.Pack(laid, bytes.data() + laid.packed.offset, pool);
  }
  return bytes;
}

std::vector<std::byte> OnTheGpu(const cuda::DeviceBuffer& memory) {
  const cuda::Stream stream = cuda::Stream::Create().value();
  auto pinned = cuda::PinnedBuffer::Allocate(memory.size()).value();
  cuda::CopyToHost(pinned.data(), memory.data(), memory.size(), stream.handle());
  EXPECT_TRUE(stream.Synchronize().ok());
  std::vector<std::byte> bytes(memory.size());
  std::memcpy(bytes.data(), pinned.data(), bytes.size());
  return bytes;
}

// Compares tensor by tensor: between them nothing was written on the GPU.
void ExpectSame(const WeightLayout& layout, const std::vector<std::byte>& gpu,
                const std::vector<std::byte>& host) {
  for (const LaidTensor& laid : layout.tensors) {
    const PackedTensor& packed = laid.packed;
    const int64_t value_bytes = packed.k == 0 ? 4 : (packed.format == WeightFormat::kBF16 ? 2 : 1);
    const int64_t values = int64_t{packed.n} * std::max(1, packed.k) * value_bytes;
    EXPECT_EQ(0, std::memcmp(gpu.data() + packed.offset, host.data() + packed.offset,
                             static_cast<size_t>(values)))
        << HfTensorName(packed.layer, packed.roles.front());
    if (packed.scales_at == 0) continue;
    const int64_t scales = packed.offset + packed.scales_at;
    EXPECT_EQ(0, std::memcmp(gpu.data() + scales, host.data() + scales,
                             static_cast<size_t>(packed.n) * sizeof(float)))
        << HfTensorName(packed.layer, packed.roles.front()) << " scales";
  }
}

TEST(CudaWeights, AreTheBytesThatTheHostPacks) {
  QED_REQUIRE_DEVICE();
  ModelConfig config = SmallGpuConfig();
  config.qkv_bias = true;
  config.architecture = "Qwen2ForCausalLM";
  ThreadPool pool(3);
  const TestCheckpoint stored = RandomCheckpoint(config, DType::kBF16);
  const Checkpoint random = MakeRandomCheckpoint("test", config);
  for (const Checkpoint* checkpoint : {&stored.checkpoint, &random}) {
    for (const char* name : {"none", "fp8", "fp8_per_tensor", "int8_wo"}) {
      SCOPED_TRACE(name);
      const auto quantize = ParseWeightRecipe(name).value();
      const WeightReader reader(*checkpoint, nullptr);
      CudaWeightLoader loader(reader, quantize);
      auto weights = loader.Load(/*ordinal=*/0, pool);
      ASSERT_TRUE(weights.ok()) << weights.status().message();
      const WeightLayout layout = LayOutForGpu(reader, quantize);
      ASSERT_EQ(weights->memory.size(), static_cast<size_t>(layout.bytes));
      ExpectSame(layout, OnTheGpu(weights->memory), OnTheHost(reader, layout, quantize, pool));
    }
  }
}

}  // namespace
}  // namespace qed
