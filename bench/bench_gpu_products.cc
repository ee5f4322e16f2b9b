// Prints what the products of a 14B model's layer (hidden 5120, 40/8 heads of 128,
// feed-forward 13824) with few rows take on the GPU, by the kernel of ours and by cuBLASLt in
// the same run: each alone in a loop, and all four of a layer with the small operations between
// them but attention, there also by the one launch that the engine makes of most of them. Beside
// each time the share of the measured rate of reading that it makes of the weights' bytes.
//
// usage: bench_gpu_products [GPU]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <span>
#include <vector>

#include "bench/gpu_timing.h"
#include "cuda/buffer.h"
#include "cuda/device.h"
#include "cuda/stream.h"
#include "kernels/cuda/between_attention.h"
#include "kernels/cuda/few_rows_linear.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/make_weights.h"
#include "kernels/cuda/quantize.h"
#include "kernels/cuda/read_rate.h"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/rope.h"
#include "kernels/cuda/silu_mul.h"

namespace qed::cuda {
namespace {

constexpr int32_t kHidden = 5120, kInner = 13824;
constexpr QkvShape kHeads = {.num_heads = 40, .num_kv_heads = 8, .head_dim = 128};
constexpr int32_t kQkv = (40 + 2 * 8) * 128;
constexpr int32_t kRows[] = {1, 8, 12, 16, 32, 48, 64};
constexpr int32_t kMaxRows = kFewRows;
constexpr int kCopies = 6;  // of a layer, so that none is in the cache

struct Matrix {
  const char* name;
  int32_t n, k;
};
constexpr Matrix kMatrices[] = {{"qkv", kQkv, kHidden},
                                {"o", kHidden, kHidden},
                                {"gate_up", 2 * kInner, kHidden},
                                {"down", kHidden, kInner}};
enum MatrixId { kQkvId, kOutId, kGateUpId, kDownId };

enum class Way { kOurs, kLibrary };

DeviceBuffer Random(size_t values, float step) {
  DeviceBuffer buffer = Must(DeviceBuffer::Allocate(values * sizeof(BFloat16)));
  const Stream stream = Must(Stream::Create());
  FillRandom({.stream = values, .step = step}, 0, static_cast<int64_t>(values),
             buffer.As<BFloat16>(), stream.handle());
  Check(stream.Synchronize());
  return buffer;
}

DeviceBuffer Filled(size_t bytes, uint8_t byte) {
  DeviceBuffer buffer = Must(DeviceBuffer::Allocate(bytes));
  const Stream stream = Must(Stream::Create());
  Fill(buffer.data(), byte, bytes, stream.handle());
  Check(stream.Synchronize());
  return buffer;
}

class Bench {
 public:
  Bench(double read_rate, WeightFormat format)
      : read_rate_(read_rate), format_(format), stream_(Must(Stream::Create())) {
    for (const Matrix& m : kMatrices) MakeCopies(m);
    for (size_t i = 0; i < std::size(kMatrices); ++i) {
      Check(linears_->Prepare(weights_[i], OutputFormat::kBF16, kMaxRows, Input(), y_.data(),
                              stream_));
    }
    std::vector<int32_t> numbers(kMaxRows);
    std::iota(numbers.begin(), numbers.end(), 0);
    CopyToDevice(slots_.data(), numbers.data(), slots_.size(), stream_.handle());
    Check(stream_.Synchronize());
  }

  void Alone() {
    for (size_t i = 0; i < std::size(kMatrices); ++i) {
      for (int32_t rows : kRows) {
        std::printf("%-16s %3d rows:", kMatrices[i].name, rows);
        for (Way way : {Way::kOurs, Way::kLibrary}) {
          Print(Name(way), Bytes(kMatrices[i]), Time(stream_, [&](int32_t run) {
                  Multiply(way, weights_[i][static_cast<size_t>(run) % kCopies], rows, y_);
                }));
        }
        std::printf("\n");
      }
    }
  }

  void Chain() {
    int64_t bytes = 0;
    for (const Matrix& m : kMatrices) bytes += Bytes(m);
    for (int32_t rows : kRows) {
      std::printf("%-16s %3d rows:", "a layer", rows);
      for (Way way : {Way::kOurs, Way::kLibrary}) {
        Print(Name(way), bytes, Time(stream_, [&](int32_t run) {
                Layer(way, static_cast<size_t>(run) % kCopies, rows);
              }));
      }
      if (rows <= kBetweenRows) {
        std::printf("  as one launch");
        Print("", bytes, Time(stream_, [&](int32_t run) {
                LayerAsOne(static_cast<size_t>(run) % kCopies, rows);
              }));
      }
      std::printf("\n");
    }
  }

 private:
  int64_t Bytes(const Matrix& m) const {
    return int64_t{m.n} * m.k * (format_ == WeightFormat::kBF16 ? 2 : 1);
  }

  static const char* Name(Way way) { return way == Way::kOurs ? "ours" : "cuBLASLt"; }

  void Print(const char* name, int64_t bytes, double ms) const {
    std::printf("  %s %7.2f us %3.0f %%", name, ms * 1e3,
                static_cast<double>(bytes) / read_rate_ / ms * 1e5);
  }

  void MakeCopies(const Matrix& m) {
    const int64_t values = int64_t{m.n} * m.k;
    std::vector<DeviceWeight>& copies = weights_.emplace_back();
    for (int i = 0; i < kCopies; ++i) {
      memory_.push_back(Random(static_cast<size_t>(values), 0x1p-12F));
      if (format_ == WeightFormat::kFp8) {
        DeviceBuffer codes = Must(DeviceBuffer::Allocate(static_cast<size_t>(values)));
        QuantizeWeightRows(format_, m.n, m.k, memory_.back().As<BFloat16>(), nullptr, codes.data(),
                           weight_scales_.As<float>(), stream_.handle());
        Check(stream_.Synchronize());
        memory_.back() = std::move(codes);
      }
      copies.push_back({format_, m.n, m.k, memory_.back().data(), weight_scales_.As<float>()});
    }
  }

  Activations Input() const {
    return {.format = ActivationsFor(format_),
            .bf16 = x_.As<BFloat16>(),
            .fp8 = x_.As<Fp8>(),
            .scales = row_scales_.As<float>(),
            .static_scale = nullptr};
  }

  Product Multiply(Way way, const DeviceWeight& weight, int32_t rows, const DeviceBuffer& y) {
    if (way == Way::kLibrary) {
      return linears_->Multiply(weight, Input(), rows, y.As<BFloat16>(), stream_.handle());
    }
    return MultiplyFewRows(weight, Input(), rows, y.As<BFloat16>(),
                           {workspace_.data(), workspace_.size()}, stream_.handle());
  }

  void Norm(int32_t rows, const Product& delta) {
    AddRmsNorm(rows, kHidden,
               {.residual = residual_.As<float>(),
                .delta = delta,
                .weight = weight_scales_.As<float>(),
                .eps = 1e-6F,
                .row_ids = nullptr,
                .out = Input()},
               stream_.handle());
  }

  void Rotate(int32_t rows, const Product& qkv) {
    RotateAndStore(kHeads, rows,
                   {.qkv = qkv,
                    .q_norm = nullptr,
                    .k_norm = nullptr,
                    .norm_eps = 0,
                    .rope_table = rope_.As<float>(),
                    .positions = slots_.As<int32_t>(),
                    .slots = slots_.As<int32_t>(),
                    .pages = pages_.As<BFloat16>(),
                    .page_size = 16},
                   stream_.handle());
  }

  void RotateAndQuantize(int32_t rows, const Product& qkv) {
    Rotate(rows, qkv);
    if (format_ == WeightFormat::kFp8) {
      QuantizeRows(rows, kHidden, wide_.As<BFloat16>(), Input(), stream_.handle());
    }
  }

  // A layer as the decoder runs it (model/cuda_decoder.cc), its attention left out.
  void Layer(Way way, size_t copy, int32_t rows) {
    Product delta;
    delta.data = y_.As<BFloat16>();
    Norm(rows, delta);
    const Product qkv = Multiply(way, weights_[kQkvId][copy], rows, wide_);
    RotateAndQuantize(rows, qkv);
    Norm(rows, Multiply(way, weights_[kOutId][copy], rows, y_));
    const Product gate_up = Multiply(way, weights_[kGateUpId][copy], rows, wide_);
    SiluMul(rows, kInner, gate_up, Input(), stream_.handle());
    Multiply(way, weights_[kDownId][copy], rows, y_);
  }

  // The same from after the attention to before the next one.
  void LayerAsOne(size_t copy, int32_t rows) {
    Product qkv;
    qkv.data = wide_.As<BFloat16>();
    Rotate(rows, qkv);
    Activations normed = Input();
    normed.scales = norm_scales_.As<float>();
    RunBetweenAttention({.rows = rows,
                         .residual = residual_.As<float>(),
                         .norm_eps = 1e-6F,
                         .attention = wide_.As<BFloat16>(),
                         .attended = Input(),
                         .o = weights_[kOutId][copy],
                         .o_bias = nullptr,
                         .ffn_norm = weight_scales_.As<float>(),
                         .normed = normed,
                         .gate_up = weights_[kGateUpId][copy],
                         .gated = Input(),
                         .down = weights_[kDownId][copy],
                         .next_norm = weight_scales_.As<float>(),
                         .qkv = weights_[kQkvId][copy],
                         .out = wide_.As<BFloat16>()},
                        {between_workspace_.data(), between_workspace_.size()}, stream_.handle());
  }

  const double read_rate_;  // bytes a second
  const WeightFormat format_;
  const Stream stream_;
  const std::unique_ptr<Linears> linears_ = Must(Linears::Create());
  const DeviceBuffer workspace_ = Filled(FewRowsWorkspace(), 0);
  const DeviceBuffer between_workspace_ =
      Filled(BetweenAttentionWorkspace({kHidden, kHidden, kQkv, kInner}), 0);
  const DeviceBuffer norm_scales_ = Filled(size_t{kMaxRows} * sizeof(float), 0x3c);
  const DeviceBuffer weight_scales_ = Filled(size_t{2} * kInner * sizeof(float), 0x3c);
  const DeviceBuffer row_scales_ = Filled(size_t{kMaxRows} * sizeof(float), 0x3c);
  const DeviceBuffer x_ = Random(size_t{kMaxRows} * kInner, 0x1p-6F);
  const DeviceBuffer y_ = Random(size_t{kMaxRows} * 2 * kInner, 0x1p-6F);
  const DeviceBuffer wide_ = Random(size_t{kMaxRows} * 2 * kInner, 0x1p-6F);
  const DeviceBuffer residual_ = Filled(size_t{kMaxRows} * kHidden * sizeof(float), 0x3c);
  const DeviceBuffer rope_ = Filled(size_t{kMaxRows} * 128 * sizeof(float), 0x3c);
  const DeviceBuffer slots_ = Filled(size_t{kMaxRows} * sizeof(int32_t), 0);
  const DeviceBuffer pages_ =
      Filled(size_t{2} * kMaxRows * kHeads.num_kv_heads * kHeads.head_dim * sizeof(BFloat16), 0);
  std::vector<DeviceBuffer> memory_;
  std::vector<std::vector<DeviceWeight>> weights_;  // [matrix][copy]
};

int Main(int ordinal) {
  const Result<DeviceInfo> device = OpenDevice(ordinal);
  if (!device.ok()) {
    std::fprintf(stderr, "%s\n", device.status().message().c_str());
    return 1;
  }
  if (!HasFewRowsLinear()) {
    std::fprintf(stderr, "%s has no product of few rows\n", device->name.c_str());
    return 1;
  }
  const double read_rate = Must(MeasureReadRate());
  std::printf("%s, reads %.2f TB/s\n", device->name.c_str(), read_rate * 1e-12);
  for (WeightFormat format : {WeightFormat::kFp8, WeightFormat::kBF16}) {
    std::printf("%s\n", format == WeightFormat::kFp8 ? "FP8" : "bf16");
    Bench bench(read_rate, format);
    bench.Alone();
    bench.Chain();
  }
  return 0;
}

}  // namespace
}  // namespace qed::cuda

int main(int argc, char** argv) { return qed::cuda::Main(argc > 1 ? std::atoi(argv[1]) : 0); }
