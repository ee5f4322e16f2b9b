// Prints what attention and sampling take on the GPU for the shape of a 14B model
// (40/8 heads of 128, a vocabulary of 152,064), beside the floor: bytes over the
// measured rate of reading, or multiply-adds for prompts.
//
// usage: bench_gpu_attention [GPU]
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "bench/gpu_timing.h"
#include "cuda/buffer.h"
#include "cuda/device.h"
#include "cuda/stream.h"
#include "kernels/cuda/paged_attention.h"
#include "kernels/cuda/read_rate.h"
#include "kernels/cuda/sampling.h"

namespace qed::cuda {
namespace {

constexpr AttentionShape kShape = {
    .num_heads = 40, .num_kv_heads = 8, .head_dim = 128, .page_size = 16};
constexpr int32_t kVocab = 152064;
constexpr int32_t kMaxTokens = 8192;
constexpr int64_t kCacheBytes = int64_t{3} << 30;

class Bench {
 public:
  Bench(const DeviceInfo& device, double read_rate, bool long_prompts)
      : read_rate_(read_rate),
        planner_(kShape, {.max_sequences = 256,
                          .max_tokens = kMaxTokens,
                          .max_seq_len = 32768,
                          .num_sms = device.num_sms,
                          .long_prompts = long_prompts}),
        stream_(Must(Stream::Create())),
        plan_host_(Must(PinnedBuffer::Allocate(planner_.max_plan_bytes()))),
        plan_device_(Must(DeviceBuffer::Allocate(planner_.max_plan_bytes()))),
        workspace_(Must(DeviceBuffer::Allocate(AttentionWorkspaceBytes(planner_, kShape)))),
        cache_(Must(DeviceBuffer::Allocate(kCacheBytes))),
        q_(Must(DeviceBuffer::Allocate(kRowBytes * kMaxTokens))),
        out_(Must(DeviceBuffer::Allocate(kRowBytes * kMaxTokens))) {
    for (const DeviceBuffer* buffer : {&cache_, &q_}) {
      Fill(buffer->data(), 0x3c, buffer->size(), stream_.handle());  // bf16 0.0115
    }
    ClearAttentionWorkspace(planner_, kShape, workspace_.data(), stream_.handle());
  }

  // One layer's attention of `count` sequences of `rows` queries each.
  void Attention(int32_t count, int32_t rows, int32_t context) {
    const int32_t pages_each = (context + kShape.page_size - 1) / kShape.page_size;
    const int64_t layer_bytes = int64_t{count} * pages_each * kPageBytes;
    // Copies of the layer, so that each finds a cold cache as in a model.
    const int64_t layers = std::max<int64_t>(1, kCacheBytes / layer_bytes);
    std::vector<int32_t> pages(static_cast<size_t>(count) * pages_each);
    std::iota(pages.begin(), pages.end(), 0);
    std::vector<AttentionSequence> sequences;
    for (int32_t s = 0; s < count; ++s) {
      sequences.push_back({s * rows, rows, context, pages.data() + int64_t{s} * pages_each});
    }
    const AttentionPlan plan = rows == 1
                                   ? planner_.PlanPadded(sequences, count, 1, plan_host_.data())
                                   : planner_.Plan(sequences, plan_host_.data());
    CopyToDevice(plan_device_.data(), plan_host_.data(), plan.bytes, stream_.handle());
    const double ms = Time(stream_, [&](int32_t run) {
      PagedAttention(
          {.plan = &plan,
           .plan_memory = plan_device_.data(),
           .kv = {reinterpret_cast<BFloat16*>(cache_.data() + run % layers * layer_bytes),
                  kShape.num_kv_heads, kShape.head_dim, kShape.page_size},
           .workspace = workspace_.data(),
           .max_partial_rows = planner_.max_partial_rows(),
           .num_heads = kShape.num_heads,
           .q = q_.As<BFloat16>(),
           .q_stride = kShape.num_heads * kShape.head_dim,
           .out = out_.As<BFloat16>()},
          stream_.handle());
    });
    const double seen = rows * (context - rows) + rows * (rows + 1.0) / 2;
    const double flops = 4.0 * count * seen * kShape.num_heads * kShape.head_dim;
    std::printf(
        "attention %4d x %5d queries, context %6d: %9.1f us  floor %8.1f us  %7.1f TFLOP/s\n",
        count, rows, context, ms * 1e3, static_cast<double>(layer_bytes) / read_rate_ * 1e6,
        flops / ms * 1e-9);
  }

  void Sampling(int32_t rows) {
    const DeviceBuffer logits = Must(DeviceBuffer::Allocate(size_t{kVocab} * rows * sizeof(float)));
    std::vector<float> row(kVocab);
    for (int32_t i = 0; i < kVocab; ++i) row[i] = static_cast<float>(i * 7919L % 10007) * 2e-3F;
    std::vector<SamplingRow> params(rows);
    for (int32_t r = 0; r < rows; ++r) {
      CopyToDevice(logits.As<float>() + int64_t{r} * kVocab, row.data(), kVocab * sizeof(float),
                   stream_.handle());
      params[r].slot = r;
      params[r].position = r;
      params[r].scale = 1 / 0.7F;
      params[r].top_p = 0.95F;
    }
    const DeviceBuffer params_on = Must(DeviceBuffer::Allocate(rows * sizeof(SamplingRow)));
    CopyToDevice(params_on.data(), params.data(), rows * sizeof(SamplingRow), stream_.handle());
    const DeviceBuffer sampled = Must(DeviceBuffer::Allocate(rows * sizeof(int32_t)));
    const DeviceBuffer result = Must(DeviceBuffer::Allocate(SamplingResultBytes(rows, 0)));
    const int64_t scratch_bytes = SamplingScratchBytes(kVocab, rows);
    const DeviceBuffer scratch = Must(DeviceBuffer::Allocate(std::max<int64_t>(1, scratch_bytes)));
    const double ms = Time(stream_, [&](int32_t) {
      Sample({.logits = logits.As<float>(),
              .vocab_size = kVocab,
              .rows = params_on.As<SamplingRow>(),
              .num_rows = rows,
              .sampled = sampled.As<int32_t>(),
              .result = result.As<TokenLogprob>(),
              .scratch = scratch_bytes == 0 ? nullptr : scratch.As<uint32_t>()},
             stream_.handle());
    });
    std::printf("sampling  %4d rows, top-p 0.95: %9.1f us  floor %8.1f us\n", rows, ms * 1e3,
                static_cast<double>(logits.size()) / read_rate_ * 1e6);
  }

 private:
  static constexpr int64_t kRowBytes = int64_t{2} * kShape.num_heads * kShape.head_dim;
  static constexpr int64_t kPageBytes =
      int64_t{4} * kShape.page_size * kShape.num_kv_heads * kShape.head_dim;

  double read_rate_;  // bytes a second
  AttentionPlanner planner_;
  Stream stream_;
  PinnedBuffer plan_host_;
  DeviceBuffer plan_device_, workspace_, cache_, q_, out_;
};

int Main(int ordinal) {
  const Result<DeviceInfo> device = OpenDevice(ordinal);
  if (!device.ok()) {
    std::fprintf(stderr, "%s\n", device.status().message().c_str());
    return 1;
  }
  const double read_rate = Must(MeasureReadRate());
  std::printf("%s, reads %.2f TB/s; one layer each\n", device->name.c_str(), read_rate * 1e-12);
  Bench bench(*device, read_rate, false);
  for (const int32_t count : {1, 8, 12, 32, 64, 256}) bench.Attention(count, 1, 650);
  for (const int32_t count : {1, 12, 32}) bench.Attention(count, 1, 16000);
  bench.Attention(12, 4, 2000);
  bench.Attention(1, 100, 8000);
  const std::array<int32_t, 3> prompts = {512, 2048, 8192};
  for (const int32_t rows : prompts) bench.Attention(1, rows, rows);
  if (HasLongPromptKernel(kShape, device->major)) {
    std::printf("with the kernel for long prompts\n");
    Bench with(*device, read_rate, true);
    for (const int32_t rows : prompts) with.Attention(1, rows, rows);
  }
  for (const int32_t rows : {1, 8, 12, 32, 64, 256}) bench.Sampling(rows);
  return 0;
}

}  // namespace
}  // namespace qed::cuda

int main(int argc, char** argv) { return qed::cuda::Main(argc > 1 ? std::atoi(argv[1]) : 0); }
