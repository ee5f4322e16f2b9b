// Several ranks on one GPU: each has memory and a stream of its own. One rank alone comes first
// in each test: what brings a kernel to the GPU would wait for those that wait already.
#include "kernels/cuda/rank_sum.h"

#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cuda/test_support.h"

namespace qed::cuda {
namespace {

constexpr float kEps = 1e-5F;
// Sums in f32 whose parts have lost their lowest bit, in another order than in double.
constexpr double kF32 = 2e-5;

// One rank's part of a sum, with the residual stream and the norm behind it, in memory that all
// ranks reach.
class Member {
 public:
  Member(int ranks, int rows, int width) : rows_(rows), width_(width) {
    exchange_ = Take(RankExchangeBytes(ranks, width));
    residual_ = Take(int64_t{rows} * width * 4);
    delta_ = Take(int64_t{rows} * width * 2);
    row_scales_ = Take(int64_t{rows} * 4);
    out_ = Take(int64_t{rows} * width * 2);
    out_scales_ = Take(int64_t{rows} * 4);
    all_ = Take(int64_t{rows} * width * ranks * 4);
    tokens_ = Take(int64_t{rows} * 4);
    memory_ = DeviceBuffer::Allocate(static_cast<size_t>(size_)).value();
    lost_ = PinnedBuffer::Allocate(sizeof(uint32_t)).value();
    *lost_.As<uint32_t>() = 0;
    Fill(memory_.data(), 0, static_cast<size_t>(size_), stream_.handle());
    EXPECT_TRUE(stream_.Synchronize().ok());
  }

  void Put(int64_t at, const void* values, size_t bytes) {
    CopyToDevice(memory_.data() + at, values, bytes, stream_.handle());
    EXPECT_TRUE(stream_.Synchronize().ok());
  }
  template <typename T>
  std::vector<T> Get(int64_t at, size_t count) const {
    std::vector<T> values(count);
    CopyToHost(values.data(), memory_.data() + at, count * sizeof(T), stream_.handle());
    EXPECT_TRUE(stream_.Synchronize().ok());
    return values;
  }

  std::byte* data() const { return memory_.data(); }
  template <typename T>
  T* As(int64_t at) const {
    return reinterpret_cast<T*>(memory_.data() + at);
  }
  const Stream& stream() const { return stream_; }
  uint32_t* lost() const { return lost_.As<uint32_t>(); }

  const int rows_, width_;
  int64_t exchange_, residual_, delta_, row_scales_, out_, out_scales_, all_, tokens_;

 private:
  int64_t Take(int64_t bytes) {
    const int64_t at = size_;
    size_ += (bytes + 255) / 256 * 256;
    return at;
  }

  int64_t size_ = 0;
  DeviceBuffer memory_;
  PinnedBuffer lost_;
  Stream stream_ = TestStream();
};

class Ranks {
 public:
  Ranks(int ranks, int rows, int width)
      : width_(width),
        weight_(RandomFloats(static_cast<size_t>(width), 1)),
        bias_(RandomFloats(static_cast<size_t>(width), 2)),
        column_scales_(RandomFloats(static_cast<size_t>(width), 3)),
        device_weight_(weight_),
        device_bias_(bias_),
        device_column_scales_(column_scales_) {
    for (int r = 0; r < ranks; ++r) members_.emplace_back(ranks, rows, width);
  }

  int size() const { return static_cast<int>(members_.size()); }
  Member& member(int r) { return members_[static_cast<size_t>(r)]; }

  RankLinks LinksOf(int r, uint64_t wait_nanoseconds = 5'000'000'000) const {
    RankLinks links;
    links.rank = r;
    links.ranks = size();
    for (size_t i = 0; i < members_.size(); ++i) links.memory[i] = members_[i].data();
    links.exchange = members_.front().exchange_;
    links.width = width_;
    links.wait_nanoseconds = wait_nanoseconds;
    links.lost = members_[static_cast<size_t>(r)].lost();
    return links;
  }

  RmsNormArgs ArgsOf(int r, ActivationFormat format, bool scaled, const int32_t* row_ids) {
    Member& m = member(r);
    RmsNormArgs args;
    args.residual = m.As<float>(m.residual_);
    args.delta.data = m.As<BFloat16>(m.delta_);
    if (scaled) {
      args.delta.row_scales = m.As<float>(m.row_scales_);
      args.delta.column_scales = device_column_scales_.data();
      args.delta.bias = device_bias_.data();
    }
    args.weight = device_weight_.data();
    args.eps = kEps;
    args.row_ids = row_ids;
    args.out.format = format;
    args.out.bf16 = m.As<BFloat16>(m.out_);
    args.out.fp8 = m.As<Fp8>(m.out_);
    args.out.scales = m.As<float>(m.out_scales_);
    return args;
  }

  // Fresh random deltas; returns their sum with all scales and the bias, in double [rows, width].
  std::vector<double> PutDeltas(int rows, bool scaled, uint32_t seed) {
    const auto count = static_cast<size_t>(rows) * static_cast<size_t>(width_);
    std::vector<double> sum(count);
    for (int r = 0; r < size(); ++r) {
      const auto data = RandomBFloat16(count, seed + 10 * static_cast<uint32_t>(r));
      const auto scales =
          RandomFloats(static_cast<size_t>(rows), seed + 10 * static_cast<uint32_t>(r) + 1);
      member(r).Put(member(r).delta_, data.data(), count * sizeof(BFloat16));
      member(r).Put(member(r).row_scales_, scales.data(), scales.size() * sizeof(float));
      for (size_t i = 0; i < count; ++i) {
        const size_t t = i / static_cast<size_t>(width_), n = i % static_cast<size_t>(width_);
        double value = ToFloat(data[i]);
        if (scaled) value *= double{scales[t]} * column_scales_[n];
        sum[i] += value + (scaled && r == 0 ? double{bias_[n]} : 0.0);
      }
    }
    return sum;
  }

  void PutResiduals(const std::vector<float>& values) {
    for (Member& m : members_) m.Put(m.residual_, values.data(), values.size() * sizeof(float));
  }

  std::vector<double> Normed(const std::vector<double>& x) const {
    std::vector<double> y(x.size());
    const auto width = static_cast<size_t>(width_);
    for (size_t first = 0; first < x.size(); first += width) {
      double squares = 0;
      for (size_t i = 0; i < width; ++i) squares += x[first + i] * x[first + i];
      const double factor = 1 / std::sqrt(squares / width_ + double{kEps});
      for (size_t i = 0; i < width; ++i) y[first + i] = x[first + i] * factor * weight_[i];
    }
    return y;
  }

  // What came out, the same on all ranks, as near to `want` as the format is.
  void ExpectOut(const std::vector<double>& want, ActivationFormat format) {
    const bool fp8 = format == ActivationFormat::kFp8;
    const size_t rows = want.size() / static_cast<size_t>(width_);
    const size_t bytes = want.size() * (fp8 ? 1 : 2);
    const auto first = member(0).Get<uint8_t>(member(0).out_, bytes);
    const auto scales = member(0).Get<float>(member(0).out_scales_, rows);
    for (Member& m : members_) {
      ASSERT_EQ(m.Get<uint8_t>(m.out_, bytes), first);
      if (fp8) {
        ASSERT_EQ(m.Get<float>(m.out_scales_, rows), scales);
      }
      ASSERT_EQ(*m.lost(), 0U);
    }
    for (size_t i = 0; i < want.size(); ++i) {
      uint16_t bits = 0;
      if (!fp8) std::memcpy(&bits, first.data() + 2 * i, sizeof(bits));
      const float scale = scales[i / static_cast<size_t>(width_)];
      const double got = fp8 ? double{Fp8ToFloat(first[i])} * scale : double{BFloat16ToFloat(bits)};
      // Half a step of the format, and of FP8's smallest codes, beside what sums differ by.
      const double step = fp8 ? std::abs(want[i]) / 16 + scale * 0x1p-10 : std::abs(want[i]) / 256;
      ASSERT_NEAR(got, want[i], 1.01 * step + kF32) << "at " << i;
    }
  }

  void Wait() {
    for (Member& m : members_) EXPECT_TRUE(m.stream().Synchronize().ok());
  }

 private:
  const int width_;
  const std::vector<float> weight_, bias_, column_scales_;
  const DeviceArray<float> device_weight_, device_bias_, device_column_scales_;
  std::vector<Member> members_;
};

constexpr ActivationFormat kFormats[] = {ActivationFormat::kBF16, ActivationFormat::kFp8};

TEST(CudaRankSumTest, OneShotIsTheSumOfAllTimeAfterTime) {
  QED_REQUIRE_DEVICE();
  for (int ranks : {1, 2, 3, 5}) {
    for (int width : {64, 576, 2052, 5120}) {
      SCOPED_TRACE(std::to_string(ranks) + " ranks, width " + std::to_string(width));
      Ranks all(ranks, kOneShotRows, width);
      int slot = 0;
      uint32_t seed = 5;
      // As many blocks as a GPU runs at a time.
      const int most = ranks < 3 ? kOneShotRows : 32;
      for (int rows : {1, 3, 12, most, 2, 12, 1}) {
        const bool scaled = rows % 2 == 0;
        const ActivationFormat format = kFormats[slot];
        const auto count = static_cast<size_t>(rows) * static_cast<size_t>(width);
        const std::vector<float> before = RandomFloats(count, seed, 3.0F);
        all.PutResiduals(before);
        std::vector<double> sum = all.PutDeltas(rows, scaled, seed + 1);
        for (size_t i = 0; i < count; ++i) sum[i] += double{before[i]};
        for (int r = 0; r < ranks; ++r) {
          AddRmsNormOfAll(rows, width, all.ArgsOf(r, format, scaled, nullptr), all.LinksOf(r), slot,
                          all.member(r).stream().handle());
        }
        all.Wait();
        const auto after = all.member(0).Get<float>(all.member(0).residual_, count);
        for (size_t i = 0; i < count; ++i) {
          ASSERT_NEAR(after[i], sum[i], kF32 * (1 + std::abs(sum[i]))) << rows << " rows";
        }
        for (int r = 1; r < ranks; ++r) {
          ASSERT_EQ(all.member(r).Get<float>(all.member(r).residual_, count), after);
        }
        ASSERT_NO_FATAL_FAILURE(all.ExpectOut(all.Normed(sum), format)) << rows << " rows";
        slot ^= 1;
        seed += 100;
      }
    }
  }
}

TEST(CudaRankSumTest, SharesAreTheSumOfAll) {
  QED_REQUIRE_DEVICE();
  for (int ranks : {1, 2, 3}) {
    for (int rows : {1, 2, 65, 300}) {
      constexpr int kWidth = 576;
      SCOPED_TRACE(std::to_string(ranks) + " ranks, rows " + std::to_string(rows));
      Ranks all(ranks, rows, kWidth);
      for (ActivationFormat format : kFormats) {
        const auto count = static_cast<size_t>(rows * kWidth);
        const std::vector<float> before = RandomFloats(count, 7, 3.0F);
        all.PutResiduals(before);
        std::vector<double> sum = all.PutDeltas(rows, true, 8);
        for (size_t i = 0; i < count; ++i) sum[i] += double{before[i]};
        for (int r = 0; r < ranks; ++r) {
          AddRmsNormOfShare(rows, kWidth, rows, all.ArgsOf(r, format, true, nullptr),
                            all.LinksOf(r), all.member(r).stream().handle());
        }
        all.Wait();
        ASSERT_NO_FATAL_FAILURE(all.ExpectOut(all.Normed(sum), format));
      }
    }
  }
}

TEST(CudaRankSumTest, RowsThatAreGivenAreTaken) {
  QED_REQUIRE_DEVICE();
  constexpr int kWidth = 320, kRows = 50;
  const std::vector<int32_t> rows = {49, 0, 17, 30, 0};
  const DeviceArray<int32_t> row_ids(rows);
  for (const auto& [ranks, one_shot] : {std::pair(1, true), {3, true}, {1, false}, {3, false}}) {
    Ranks all(ranks, kRows, kWidth);
    const std::vector<float> before = RandomFloats(kRows * kWidth, 7, 3.0F);
    all.PutResiduals(before);
    const std::vector<double> deltas = all.PutDeltas(kRows, true, 8);
    std::vector<double> sum;
    for (int32_t row : rows) {
      for (int i = row * kWidth; i < (row + 1) * kWidth; ++i) {
        sum.push_back(deltas[static_cast<size_t>(i)] + double{before[static_cast<size_t>(i)]});
      }
    }
    const auto count = static_cast<int32_t>(rows.size());
    for (int r = 0; r < all.size(); ++r) {
      const RmsNormArgs args = all.ArgsOf(r, ActivationFormat::kBF16, true, row_ids.data());
      const StreamHandle stream = all.member(r).stream().handle();
      if (one_shot) {
        AddRmsNormOfAll(count, kWidth, args, all.LinksOf(r), 1, stream);
      } else {
        AddRmsNormOfShare(count, kWidth, kRows, args, all.LinksOf(r), stream);
      }
    }
    all.Wait();
    ASSERT_NO_FATAL_FAILURE(all.ExpectOut(all.Normed(sum), ActivationFormat::kBF16));
  }
}

void ShareAndGather(int ranks) {
  constexpr int kRows = 5, kColumns = 333;
  const int stride = kColumns * ranks;
  Ranks all(ranks, kRows, /*width=*/kColumns + 3);
  const std::vector<int32_t> tokens = {7, 1 << 20, 0, 3, 9};
  all.member(0).Put(all.member(0).tokens_, tokens.data(), tokens.size() * sizeof(int32_t));
  std::vector<DeviceArray<float>> parts;
  std::vector<float> want(static_cast<size_t>(kRows * stride));
  for (int r = 0; r < ranks; ++r) {
    const auto part = RandomFloats(kRows * kColumns, static_cast<uint32_t>(r));
    for (int t = 0; t < kRows; ++t) {
      for (int n = 0; n < kColumns; ++n) {
        want[static_cast<size_t>(t * stride + r * kColumns + n)] =
            part[static_cast<size_t>(t * kColumns + n)];
      }
    }
    parts.emplace_back(part);
  }
  for (int r = 0; r < ranks; ++r) {
    Member& m = all.member(r);
    ShareTokens(all.LinksOf(r), m.As<int32_t>(m.tokens_), kRows, m.stream().handle());
    GatherColumns(all.LinksOf(r), kRows, kColumns, parts[static_cast<size_t>(r)].data(),
                  m.As<float>(m.all_), stride, r * kColumns, m.stream().handle());
  }
  all.Wait();
  for (int r = 0; r < ranks; ++r) {
    EXPECT_EQ(all.member(r).Get<int32_t>(all.member(r).tokens_, kRows), tokens);
  }
  EXPECT_EQ(all.member(0).Get<float>(all.member(0).all_, want.size()), want);
}

TEST(CudaRankSumTest, TokensGoToAllAndColumnsToTheFirst) {
  QED_REQUIRE_DEVICE();
  ShareAndGather(1);
  ShareAndGather(3);
}

TEST(CudaRankSumTest, ARankThatDoesNotComeIsNamedAndNobodyHangs) {
  QED_REQUIRE_DEVICE();
  ShareAndGather(1);
  Ranks all(3, 4, 64);
  constexpr uint64_t kWait = 20'000'000;
  for (int r : {0, 1}) {
    for (int i = 0; i < 20; ++i) {
      AddRmsNormOfAll(4, 64, all.ArgsOf(r, ActivationFormat::kBF16, false, nullptr),
                      all.LinksOf(r, kWait), i % 2, all.member(r).stream().handle());
    }
    ShareTokens(all.LinksOf(r, kWait), all.member(r).As<int32_t>(all.member(r).tokens_), 1,
                all.member(r).stream().handle());
  }
  all.Wait();
  EXPECT_EQ(*all.member(0).lost(), 3U);
  EXPECT_EQ(*all.member(1).lost(), 3U);
}

}  // namespace
}  // namespace qed::cuda
