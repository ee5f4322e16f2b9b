// Prints what Linear reaches on the shapes of a model, beside the measured roof.
//
// usage: bench_linear [threads]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "base/clock.h"
#include "kernels/linear.h"
#include "kernels/roof.h"
#include "tensor/aligned_buffer.h"

namespace qed {
namespace {

AlignedBuffer Buffer(size_t bytes) {
  Result<AlignedBuffer> buffer = AlignedBuffer::Allocate(bytes);
  QED_CHECK(buffer.ok()) << buffer.status().message();
  return std::move(buffer).value();
}

// Groups of products that share their activations, as a layer has them.
struct Case {
  const char* name;
  WeightFormat format;
  std::vector<int32_t> n;
  int32_t k;
};

// Enough copies of a case's weights that they come from memory, as those of
// the layers of a model do.
class Weights {
 public:
  explicit Weights(const Case& c) {
    constexpr size_t kFootprint = size_t{192} << 20;
    for (int32_t n : c.n) {
      bytes_ += PackedWeightBytes(c.format, n, c.k);
    }
    const size_t copies = std::max<size_t>(1, kFootprint / bytes_);
    memory_ = Buffer(bytes_ * copies);
    FillWithScales(c);
    const std::byte* data = memory_.data();
    for (size_t copy = 0; copy < copies; ++copy) {
      for (int32_t n : c.n) {
        weights_.push_back({c.format, n, c.k, data});
        data += PackedWeightBytes(c.format, n, c.k);
      }
    }
  }
  size_t copies(const Case& c) const { return weights_.size() / c.n.size(); }
  const PackedWeight* copy(const Case& c, size_t i) const { return &weights_[i * c.n.size()]; }
  size_t bytes() const { return bytes_; }

 private:
  // Any bytes will do that are no denormal or non-finite scales.
  void FillWithScales(const Case& c) {
    const bool floats = !UsesInt8Activations(c.format);
    const uint32_t word = c.format == WeightFormat::kF32 ? 0x3C003C00U : 0x2C2D2C2DU;
    for (size_t i = 0; i < memory_.size() / 4; ++i) {
      memory_.As<uint32_t>()[i] = floats ? 0x3C003C00U : word;
    }
  }
  size_t bytes_ = 0;
  AlignedBuffer memory_;
  std::vector<PackedWeight> weights_;
};

class Bench {
 public:
  Bench(OpContext ctx, const Roof& roof) : ctx_(ctx), roof_(roof) {}

  void Run(const Case& c, const Weights& weights, int32_t t) {
    int64_t outputs = 0;
    for (int32_t n : c.n) {
      outputs += n;
    }
    std::vector<float> x(static_cast<size_t>(t) * static_cast<size_t>(c.k), 0.5F);
    std::vector<float> y(static_cast<size_t>(t) * static_cast<size_t>(outputs));
    const AlignedBuffer memory = Buffer(QuantizedActivationsBytes(t, c.k));
    const QuantizedActivations xq =
        LayQuantizedActivations(t, c.k, const_cast<std::byte*>(memory.data()));
    for (int32_t row = 0; row < t; ++row) {
      QuantizeActivationRow(ctx_.isa, x.data() + int64_t{row} * c.k, row, xq);
    }
    const auto once = [&](size_t copy) {
      std::vector<LinearTask> tasks(c.n.size());
      float* out = y.data();
      for (size_t i = 0; i < tasks.size(); ++i) {
        tasks[i].weight = weights.copy(c, copy)[i];
        tasks[i].y = out;
        tasks[i].y_stride = tasks[i].weight.n;
        out += int64_t{t} * tasks[i].weight.n;
      }
      Linear(ctx_, x.data(), c.k, &xq, t, tasks);
    };
    const double ops = 2.0 * static_cast<double>(outputs) * c.k * t;
    Print(c, t, Fastest(weights.copies(c), ops, once), ops, static_cast<double>(weights.bytes()));
  }

 private:
  // Seconds of one product: the fastest of many passes over copies, as the roof
  // is the fastest of its rounds.
  template <typename Once>
  double Fastest(size_t copies, double ops, Once once) {
    const double guess = ops / roof_.int8_ops_per_second * 3;
    const size_t per_pass = std::clamp<size_t>(static_cast<size_t>(0.002 / guess), 1, copies);
    double fastest = std::numeric_limits<double>::infinity();
    size_t next = 0;
    const Clock::Time end = Clock::Real().Now() + std::chrono::milliseconds(400);
    while (Clock::Real().Now() < end) {
      const Clock::Time start = Clock::Real().Now();
      for (size_t i = 0; i < per_pass; ++i) {
        once(next);
        next = (next + 1) % copies;
      }
      const double seconds = Seconds(Clock::Real().Now() - start);
      fastest = std::min(fastest, seconds / static_cast<double>(per_pass));
    }
    return fastest;
  }

  void Print(const Case& c, int32_t t, double seconds, double ops, double bytes) {
    const double peak =
        UsesInt8Activations(c.format) ? roof_.int8_ops_per_second : roof_.f32_ops_per_second;
    std::printf("%-18s %-5s T %4d  %9.1f us  %6.1f GB/s (%3.0f %%)  %8.1f GOP/s (%3.0f %%)\n",
                c.name, WeightFormatName(c.format), t, seconds * 1e6, bytes / seconds * 1e-9,
                100 * bytes / seconds / roof_.read_bytes_per_second, ops / seconds * 1e-9,
                100 * ops / seconds / peak);
    std::fflush(stdout);
  }

  OpContext ctx_;
  Roof roof_;
};

int Main(int threads) {
  ThreadPool pool(threads);
  OpContext ctx{&pool, DetectIsa()};
  const Result<Roof> roof = MeasureRoof(ctx);
  if (!roof.ok()) {
    std::fprintf(stderr, "bench_linear: %s\n", roof.status().message().c_str());
    return 1;
  }
  std::printf("%s, %d threads; roof: %.1f GB/s read, %.0f GOP/s int8, %.0f GFLOP/s f32\n",
              IsaName(ctx.isa), threads, roof->read_bytes_per_second * 1e-9,
              roof->int8_ops_per_second * 1e-9, roof->f32_ops_per_second * 1e-9);
  Bench bench(ctx, *roof);
  // SmolLM2-135M; the other formats on its largest layer group.
  const Case cases[] = {
      {"q k v", WeightFormat::kQ4_1, {576, 192, 192}, 576},
      {"attention output", WeightFormat::kQ4_1, {576}, 576},
      {"gate up", WeightFormat::kQ4_1, {1536, 1536}, 576},
      {"down", WeightFormat::kQ4_1, {576}, 1536},
      {"head", WeightFormat::kQ8_0, {49152}, 576},
      {"gate up", WeightFormat::kQ4_0, {1536, 1536}, 576},
      {"gate up", WeightFormat::kQ8_0, {1536, 1536}, 576},
      {"gate up", WeightFormat::kBF16, {1536, 1536}, 576},
      {"gate up", WeightFormat::kF32, {1536, 1536}, 576},
  };
  for (const Case& c : cases) {
    const Weights weights(c);
    for (int32_t t : {1, 4, 8, 16, 32, 512}) {
      bench.Run(c, weights, t);
    }
  }
  return 0;
}

}  // namespace
}  // namespace qed

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  if (threads < 1 || threads > 1024) {
    std::fprintf(stderr, "bench_linear: threads must be in [1, 1024]\n");
    return 1;
  }
  return qed::Main(threads);
}
