// What a ReDrafter head's drafts cost on a GPU: of the 14B shape, 32,768 tokens, random weights.
#include <cstdio>
#include <vector>

#include "bench/gpu_timing.h"
#include "checkpoint/drafter_checkpoint.h"
#include "checkpoint/random_checkpoint.h"
#include "cuda/buffer.h"
#include "cuda/device.h"
#include "draft/cuda_redrafter.h"

namespace qed::cuda {
namespace {

constexpr int32_t kTokens = 32768, kDrafts = 3;

// Microseconds of a draft, `kDrafts` behind one another, by the number of sequences.
void Run(const DrafterCheckpoint& drafter, const DeviceWeight& embedding, WeightFormat format,
         const char* name) {
  const Stream stream = Must(Stream::Create());
  const CudaRedrafterOptions options = {
      .max_chains = kMaxCudaChains, .max_drafts = kDrafts, .format = format};
  const auto head = Must(CudaRedrafter::Load(drafter, embedding, options, stream));
  const SamplingRow row;
  const TokenLogprob token = {1, 0};
  const std::vector<int32_t> first_rows(kMaxCudaChains, 0);
  const DeviceBuffer rows = Must(DeviceBuffer::Allocate(sizeof(row)));
  const DeviceBuffer result = Must(DeviceBuffer::Allocate(sizeof(token)));
  const DeviceBuffer firsts = Must(DeviceBuffer::Allocate(first_rows.size() * sizeof(int32_t)));
  CopyToDevice(rows.data(), &row, sizeof(row), stream.handle());
  CopyToDevice(result.data(), &token, sizeof(token), stream.handle());
  CopyToDevice(firsts.data(), first_rows.data(), firsts.size(), stream.handle());
  const SampledStep step = {rows.As<SamplingRow>(), result.As<TokenLogprob>(),
                            reinterpret_cast<const BFloat16*>(embedding.data),
                            firsts.As<int32_t>()};
  for (int32_t chains : {1, 4, 8, 12, 16, 32, 64}) {
    const double ms = Time(stream, [&](int32_t) { head->Draft(step, chains, kDrafts); });
    std::printf("%-5s %3d sequences: %7.1f us a draft\n", name, chains, 1000 * ms / kDrafts);
  }
}

}  // namespace
}  // namespace qed::cuda

int main() {
  using namespace qed;
  using namespace qed::cuda;
  if (!OpenDevice(0).ok()) {
    std::fprintf(stderr, "bench_gpu_drafts needs a GPU\n");
    return 1;
  }
  ModelConfig shape = Must(RandomShape("qwen2.5-14b"));
  DrafterCheckpoint drafter = MakeRandomDrafter(shape, kTokens);
  const DeviceBuffer table =
      Must(DeviceBuffer::Allocate(size_t{1024} * static_cast<size_t>(shape.hidden_size) * 2));
  Fill(table.data(), 0x3c, table.size(), nullptr);
  Check(Synchronize());
  const DeviceWeight embedding = {
      .format = WeightFormat::kBF16, .n = 1024, .k = shape.hidden_size, .data = table.data()};
  Run(drafter, embedding, WeightFormat::kFp8, "FP8");
  Run(drafter, embedding, WeightFormat::kBF16, "bf16");
  return 0;
}
