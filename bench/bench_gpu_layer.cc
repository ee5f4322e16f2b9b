// Prints what each operation of a layer of a 14B model (hidden 5120, 40/8 heads of
// 128, feed-forward 13824, vocabulary 152,064) takes on the GPU but for attention,
// beside the floor: weight bytes over the measured rate of reading.
//
// usage: bench_gpu_layer [GPU]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "bench/gpu_timing.h"
#include "cuda/buffer.h"
#include "cuda/device.h"
#include "cuda/stream.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/linear_sizes.h"
#include "kernels/cuda/quantize.h"
#include "kernels/cuda/read_rate.h"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/rope.h"
#include "kernels/cuda/silu_mul.h"

namespace qed::cuda {
namespace {

constexpr int32_t kHidden = 5120, kInner = 13824, kVocab = 152064;
constexpr QkvShape kHeads = {.num_heads = 40, .num_kv_heads = 8, .head_dim = 128};
constexpr int32_t kQkv = (40 + 2 * 8) * 128;
constexpr int32_t kRows[] = {1, 8, 16, 32, 64, 128, 256, 2048, 8192};
constexpr int32_t kMaxRows = 8192, kMaxLogitRows = 256;
constexpr int kCopies = 4;  // of each weight, so that none is in the cache
constexpr size_t kWeightBytes =
    2 * std::max(size_t{kCopies} * 2 * kInner * kHidden, size_t{kVocab} * kHidden);

struct Matrix {
  const char* name;
  int32_t n, k;
};
constexpr Matrix kMatrices[] = {{"qkv", kQkv, kHidden},
                                {"o", kHidden, 5120},
                                {"gate_up", 2 * kInner, kHidden},
                                {"down", kHidden, kInner}};

class Bench {
 public:
  explicit Bench(double read_rate)
      : read_rate_(read_rate),
        stream_(Must(Stream::Create())),
        linears_(Must(Linears::Create())),
        weights_(Filled(kWeightBytes)),
        scales_(Filled(size_t{2} * kInner * sizeof(float))),
        x_(Filled(size_t{kMaxRows} * kInner * sizeof(BFloat16))),
        y_(Filled(size_t{kMaxRows} * 2 * kInner * sizeof(BFloat16))),
        residual_(Filled(size_t{kMaxRows} * kHidden * sizeof(float))),
        row_scales_(Filled(size_t{kMaxRows} * sizeof(float))) {}

  void Linear(const Matrix& matrix, WeightFormat format, const char* format_name) {
    const int64_t bytes = int64_t{matrix.n} * matrix.k * (format == WeightFormat::kBF16 ? 2 : 1);
    std::vector<DeviceWeight> copies;
    for (int64_t i = 0; i < kCopies; ++i) {
      copies.push_back(
          {format, matrix.n, matrix.k, weights_.data() + i * bytes, scales_.As<float>()});
    }
    const Activations x = Input(ActivationsFor(format));
    Check(linears_->Prepare(copies, OutputFormat::kBF16, kMaxRows, x, y_.data(), stream_));
    for (int32_t rows : kRows) {
      const double ms = Time(stream_, [&](int32_t run) {
        linears_->Multiply(copies[run % kCopies], x, rows, y_.As<BFloat16>(), stream_.handle());
      });
      Print(std::string(matrix.name) + " " + format_name, rows, ms, bytes,
            2.0 * rows * matrix.n * matrix.k);
    }
  }

  void Head() {
    const DeviceWeight head = {WeightFormat::kBF16, kVocab, kHidden, weights_.data(), nullptr};
    const DeviceBuffer logits = Filled(size_t{kMaxLogitRows} * kVocab * sizeof(float));
    const Activations x = Input(ActivationFormat::kBF16);
    Check(linears_->Prepare({&head, 1}, OutputFormat::kF32, kMaxLogitRows, x, logits.data(),
                            stream_));
    for (int32_t rows : kRows) {
      if (rows > kMaxLogitRows) break;
      const double ms = Time(stream_, [&](int32_t) {
        linears_->MultiplyF32(head, x, rows, logits.As<float>(), stream_.handle());
      });
      Print("head bf16", rows, ms, int64_t{2} * kVocab * kHidden, 2.0 * rows * kVocab * kHidden);
    }
  }

  // What lies between the products, on FP8 activations.
  void RowOperations() {
    const Activations out = Input(ActivationFormat::kFp8);
    Product product;
    product.data = y_.As<BFloat16>();
    product.row_scales = row_scales_.As<float>();
    product.column_scales = scales_.As<float>();
    const DeviceBuffer rope = Filled(size_t{64} * kHeads.head_dim * sizeof(float));
    const DeviceBuffer positions = Filled(size_t{kMaxRows} * sizeof(int32_t), 0);
    const DeviceBuffer slots = RowNumbers();
    const DeviceBuffer pages =
        Filled(size_t{2} * kMaxRows * kHeads.num_kv_heads * kHeads.head_dim * sizeof(BFloat16));
    for (int32_t rows : kRows) {
      const auto print = [&](const char* name, double ms, int64_t bytes_per_row) {
        Print(name, rows, ms, rows * bytes_per_row, 0);
      };
      print("norm",
            Time(stream_,
                 [&](int32_t) {
                   AddRmsNorm(rows, kHidden,
                              {.residual = residual_.As<float>(),
                               .delta = product,
                               .weight = scales_.As<float>(),
                               .eps = 1e-6F,
                               .row_ids = nullptr,
                               .out = out},
                              stream_.handle());
                 }),
            kHidden * 11);
      print("rotate and store",
            Time(stream_,
                 [&](int32_t) {
                   RotateAndStore(kHeads, rows,
                                  {.qkv = product,
                                   .q_norm = nullptr,
                                   .k_norm = nullptr,
                                   .norm_eps = 0,
                                   .rope_table = rope.As<float>(),
                                   .positions = positions.As<int32_t>(),
                                   .slots = slots.As<int32_t>(),
                                   .pages = pages.As<BFloat16>(),
                                   .page_size = 16},
                                  stream_.handle());
                 }),
            kQkv * 4);
      print("gate",
            Time(stream_, [&](int32_t) { SiluMul(rows, kInner, product, out, stream_.handle()); }),
            kInner * 5);
      print("quantize",
            Time(stream_,
                 [&](int32_t) {
                   QuantizeRows(rows, kHidden, y_.As<BFloat16>(), out, stream_.handle());
                 }),
            kHidden * 3);
    }
  }

 private:
  static DeviceBuffer Filled(size_t bytes, uint8_t byte = 0x3c) {
    DeviceBuffer buffer = Must(DeviceBuffer::Allocate(bytes));
    const Stream stream = Must(Stream::Create());
    Fill(buffer.data(), byte, bytes, stream.handle());
    Check(stream.Synchronize());
    return buffer;
  }

  DeviceBuffer RowNumbers() const {
    std::vector<int32_t> numbers(kMaxRows);
    std::iota(numbers.begin(), numbers.end(), 0);
    DeviceBuffer buffer = Must(DeviceBuffer::Allocate(numbers.size() * sizeof(int32_t)));
    CopyToDevice(buffer.data(), numbers.data(), buffer.size(), stream_.handle());
    Check(stream_.Synchronize());
    return buffer;
  }

  Activations Input(ActivationFormat format) const {
    return {.format = format,
            .bf16 = x_.As<BFloat16>(),
            .fp8 = x_.As<Fp8>(),
            .scales = row_scales_.As<float>(),
            .static_scale = nullptr};
  }

  void Print(const std::string& name, int32_t rows, double ms, int64_t bytes, double flops) const {
    std::printf("%-18s %5d rows: %9.1f us  floor %8.1f us  %7.1f TFLOP/s\n", name.c_str(), rows,
                ms * 1e3, static_cast<double>(bytes) / read_rate_ * 1e6, flops / ms * 1e-9);
  }

  double read_rate_;  // bytes a second
  Stream stream_;
  std::unique_ptr<Linears> linears_;
  DeviceBuffer weights_, scales_, x_, y_, residual_, row_scales_;
};

int Main(int ordinal) {
  const Result<DeviceInfo> device = OpenDevice(ordinal);
  if (!device.ok()) {
    std::fprintf(stderr, "%s\n", device.status().message().c_str());
    return 1;
  }
  const double read_rate = Must(MeasureReadRate());
  std::printf("%s, reads %.2f TB/s\n", device->name.c_str(), read_rate * 1e-12);
  Bench bench(read_rate);
  for (const Matrix& matrix : kMatrices) bench.Linear(matrix, WeightFormat::kFp8, "fp8");
  for (const Matrix& matrix : kMatrices) bench.Linear(matrix, WeightFormat::kBF16, "bf16");
  for (const Matrix& matrix : kMatrices) bench.Linear(matrix, WeightFormat::kInt8, "int8");
  bench.Head();
  bench.RowOperations();
  return 0;
}

}  // namespace
}  // namespace qed::cuda

int main(int argc, char** argv) { return qed::cuda::Main(argc > 1 ? std::atoi(argv[1]) : 0); }
