#include "kernels/linear.h"

#include <algorithm>

#include "base/check.h"
#include "kernels/add_products.h"
#include "kernels/cpu/linear_kernels.h"

namespace qed {
namespace {

struct LinearKernels {
  void (*f32)(const PanelJob&);
  void (*bf16)(const PanelJob&);
  void (*q8_0)(const PanelJob&);
  void (*q4_0)(const PanelJob&);
  void (*q4_1)(const PanelJob&);
  void (*quantize_row)(const float* x, int32_t k, int slot, ActivationBlock* blocks);
  AddProductsFn* add_products;
};

constexpr LinearKernels kPortableKernels = {
    portable::LinearF32,  portable::LinearBF16,  portable::LinearQ8_0, portable::LinearQ4_0,
    portable::LinearQ4_1, portable::QuantizeRow, portable::AddProducts};
#if defined(__x86_64__)
constexpr LinearKernels kAvx2Kernels = {avx2::LinearF32,  avx2::LinearBF16, avx2::LinearQ8_0,
                                        avx2::LinearQ4_0, avx2::LinearQ4_1, avx2::QuantizeRow,
                                        avx2::AddProducts};
constexpr LinearKernels kAvx512Kernels = {
    avx512::LinearF32,  avx512::LinearBF16,  avx512::LinearQ8_0, avx512::LinearQ4_0,
    avx512::LinearQ4_1, avx512::QuantizeRow, avx512::AddProducts};
constexpr LinearKernels kAvx512Bf16Kernels = {
    avx512::LinearF32,  avx512bf16::LinearBF16, avx512::LinearQ8_0, avx512::LinearQ4_0,
    avx512::LinearQ4_1, avx512::QuantizeRow,    avx512::AddProducts};
#endif

const LinearKernels& KernelsFor(Isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::kPortable:
      return kPortableKernels;
    case Isa::kAvx2:
      return kAvx2Kernels;
    case Isa::kAvx512:
      return kAvx512Kernels;
    case Isa::kAvx512Bf16:
      return kAvx512Bf16Kernels;
  }
#endif
  QED_CHECK(isa == Isa::kPortable) << IsaName(isa);
  return kPortableKernels;
}

void RunJob(const LinearKernels& kernels, WeightFormat format, const PanelJob& job) {
  switch (format) {
    case WeightFormat::kF32:
      return kernels.f32(job);
    case WeightFormat::kBF16:
      return kernels.bf16(job);
    case WeightFormat::kQ8_0:
      return kernels.q8_0(job);
    case WeightFormat::kQ4_0:
      return kernels.q4_0(job);
    case WeightFormat::kQ4_1:
      return kernels.q4_1(job);
    case WeightFormat::kFp8:
      return LinearFp8(job, kernels.add_products);
    case WeightFormat::kInt8:
      return LinearInt8(job, kernels.add_products);
  }
}

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// How one task is cut into chunks: a range of panels by a range of tokens. A
// function of shapes only, so that the thread count cannot change a result.
struct TaskChunks {
  int64_t panels_per_chunk;
  int64_t panel_chunks;
  int32_t tokens_per_chunk;
  int64_t token_chunks;

  int64_t count() const { return panel_chunks * token_chunks; }
};

// Panels that the kernels take together: a chunk should hold whole such sets.
int64_t PanelsTogether(WeightFormat format, int32_t t) {
  if (UsesInt8Activations(format)) {
    return t > kDirectTokens ? kInt8TilePanels : 1;
  }
  return kFloatTilePanels;
}

// Chunks are small enough that the end of the loop, when a thread waits for
// another's last chunk, is short; large enough that taking one costs little.
TaskChunks CutTask(const PackedWeight& weight, int32_t t) {
  constexpr int64_t kChunkBytes = 24 << 10;    // Where reading the weights takes the time.
  constexpr int64_t kChunkProducts = 1 << 20;  // Where the arithmetic does.
  TaskChunks cut;
  cut.tokens_per_chunk = std::min(t, kMaxJobTokens);
  cut.token_chunks = CeilDiv(t, kMaxJobTokens);
  const int64_t panels = PanelCount(weight.n);
  const int64_t by_bytes = kChunkBytes / std::max<int64_t>(1, PanelBytes(weight));
  const int64_t products = int64_t{weight.k} * kPanelRows * cut.tokens_per_chunk;
  const int64_t by_products = kChunkProducts / std::max<int64_t>(1, products);
  const int64_t together = PanelsTogether(weight.format, t);
  const int64_t wanted = std::min(by_bytes, by_products) / together * together;
  cut.panels_per_chunk = std::clamp<int64_t>(wanted, std::min(together, panels), panels);
  cut.panel_chunks = CeilDiv(panels, cut.panels_per_chunk);
  return cut;
}

// Chunk `chunk` of a task.
PanelJob JobOf(const LinearTask& task, const TaskChunks& cut, int64_t chunk, int32_t t,
               const float* x, int64_t x_stride, const QuantizedActivations* xq) {
  const PackedWeight& weight = task.weight;
  const int64_t first_panel = chunk % cut.panel_chunks * cut.panels_per_chunk;
  const int32_t first_token = static_cast<int32_t>(chunk / cut.panel_chunks) * cut.tokens_per_chunk;
  const int64_t first_row = first_panel * kPanelRows;
  PanelJob job;
  job.panel_bytes = PanelBytes(weight);
  job.panels = weight.data + first_panel * job.panel_bytes;
  job.rows =
      static_cast<int32_t>(std::min(cut.panels_per_chunk * kPanelRows, weight.n - first_row));
  job.k = weight.k;
  job.tokens = std::min(cut.tokens_per_chunk, t - first_token);
  if (UsesInt8Activations(weight.format)) {
    const int64_t blocks = weight.k / kGroupColumns;
    job.blocks = xq->blocks + first_token / ActivationBlock::kTokens * blocks;
  } else {
    job.x = x + first_token * x_stride;
    job.x_stride = x_stride;
  }
  job.y = task.y + first_token * task.y_stride + first_row;
  job.y_stride = task.y_stride;
  job.bias = task.bias == nullptr ? nullptr : task.bias + first_row;
  job.accumulate = task.accumulate;
  job.scale_columns = weight.scale_columns;
  job.input_scale = weight.input_scale;
  return job;
}

void CheckTask(const LinearTask& task, const float* x, const QuantizedActivations* xq, int32_t t,
               int32_t k) {
  QED_CHECK(task.weight.n > 0 && task.weight.data != nullptr && task.y != nullptr);
  QED_CHECK_EQ(task.weight.k, k);
  if (UsesInt8Activations(task.weight.format)) {
    QED_CHECK(xq != nullptr && xq->t == t && xq->k == k)
        << WeightFormatName(task.weight.format) << " needs int8 activations";
  } else {
    QED_CHECK(x != nullptr) << WeightFormatName(task.weight.format) << " needs f32 activations";
  }
}

}  // namespace

size_t QuantizedActivationsBytes(int32_t t, int32_t k) {
  const int64_t groups = CeilDiv(t, ActivationBlock::kTokens);
  return static_cast<size_t>(groups * (k / kGroupColumns)) * sizeof(ActivationBlock);
}

QuantizedActivations LayQuantizedActivations(int32_t t, int32_t k, std::byte* memory) {
  QED_CHECK_EQ(k % kGroupColumns, 0);
  return {t, k, reinterpret_cast<ActivationBlock*>(memory)};
}

void AddProducts(Isa isa, const DoubleBlock& block, double* sums) {
  KernelsFor(isa).add_products(block, sums);
}

void QuantizeActivationRow(Isa isa, const float* x, int32_t row, const QuantizedActivations& out) {
  QED_CHECK(row >= 0 && row < out.t) << row << " of " << out.t;
  const int64_t blocks = out.k / kGroupColumns;
  KernelsFor(isa).quantize_row(x, out.k, row % ActivationBlock::kTokens,
                               out.blocks + row / ActivationBlock::kTokens * blocks);
}

void Linear(OpContext& ctx, const float* x, int64_t x_stride, const QuantizedActivations* xq,
            int32_t t, std::span<const LinearTask> tasks) {
  QED_CHECK_GE(t, 1);
  int64_t chunks = 0;
  for (const LinearTask& task : tasks) {
    CheckTask(task, x, xq, t, tasks[0].weight.k);
    chunks += CutTask(task.weight, t).count();
  }
  const LinearKernels& kernels = KernelsFor(ctx.isa);
  ctx.pool->ParallelFor(chunks, [&](int64_t chunk) {
    for (const LinearTask& task : tasks) {
      const TaskChunks cut = CutTask(task.weight, t);
      if (chunk < cut.count()) {
        RunJob(kernels, task.weight.format, JobOf(task, cut, chunk, t, x, x_stride, xq));
        return;
      }
      chunk -= cut.count();
    }
  });
}

}  // namespace qed
