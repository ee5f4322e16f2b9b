#include "kernels/cuda/rope.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cuda/test_support.h"

namespace qed::cuda {
namespace {

constexpr int kPositions = 5000;
constexpr float kFactor = 1.125F;
constexpr int kPageSize = 16;
constexpr int kPages = 65;  // ManyPlaces: as many rows as a long prompt
constexpr float kEps = 1e-6F;

std::vector<double> Frequencies(int head_dim) {
  std::vector<double> frequencies;
  for (int i = 0; i < head_dim / 2; ++i) {
    frequencies.push_back(std::pow(10000.0, -2.0 * i / head_dim));
  }
  return frequencies;
}

DeviceArray<float> RopeTable(int head_dim, const Stream& stream) {
  const DeviceArray<double> frequencies(Frequencies(head_dim));
  DeviceArray<float> table(size_t{kPositions} * head_dim, NAN);
  FillRopeTable(frequencies.data(), head_dim / 2, kPositions, kFactor, table.data(),
                stream.handle());
  EXPECT_TRUE(stream.Synchronize().ok());
  return table;
}

TEST(CudaRopeTest, TableHoldsTheAnglesOfDouble) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  constexpr int kDim = 80;
  const std::vector<float> table = RopeTable(kDim, stream).Download();
  const std::vector<double> frequencies = Frequencies(kDim);
  for (int p : {0, 1, 1234, kPositions - 1}) {
    for (int i = 0; i < kDim / 2; ++i) {
      const size_t entry = (size_t{static_cast<size_t>(p)} * kDim / 2 + i) * 2;
      EXPECT_NEAR(table[entry], kFactor * std::cos(p * frequencies[i]), 2e-7) << p << " " << i;
      EXPECT_NEAR(table[entry + 1], kFactor * std::sin(p * frequencies[i]), 2e-7) << p << " " << i;
    }
  }
}

struct Case {
  int heads, kv_heads, dim;
  bool norms, scaled;
};

// In place: a head normalized by `weight` (if there is one) and turned to `position`.
void Turn(std::vector<double>& head, const std::vector<float>* weight, int position) {
  const size_t dim = head.size(), half = dim / 2;
  if (weight != nullptr) {
    double squares = 0;
    for (double v : head) squares += v * v;
    const double factor = 1 / std::sqrt(squares / static_cast<double>(dim) + kEps);
    for (size_t i = 0; i < dim; ++i) head[i] *= factor * (*weight)[i];
  }
  const std::vector<double> frequencies = Frequencies(static_cast<int>(dim));
  for (size_t i = 0; i < half; ++i) {
    const double angle = position * frequencies[i], a = head[i], b = head[half + i];
    head[i] = kFactor * (a * std::cos(angle) - b * std::sin(angle));
    head[half + i] = kFactor * (b * std::cos(angle) + a * std::sin(angle));
  }
}

double LargestOf(const std::vector<double>& values) {
  double largest = 0;
  for (double v : values) largest = std::max(largest, std::abs(v));
  return largest;
}

// Half a unit of bfloat16, and f32's arithmetic on the head's largest value.
void ExpectHead(const BFloat16* got, const std::vector<double>& want, const std::string& what) {
  const double slack = 1e-5 * LargestOf(want);
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_NEAR(ToFloat(got[i]), want[i], std::abs(want[i]) / 256 + slack) << what << " " << i;
  }
}

struct Places {
  std::vector<int32_t> positions, slots;
};

Places FewPlaces() {
  return {{1234, 0, 4999, 77}, {3 * kPageSize + 5, 0, -1, kPages * kPageSize - 1}};
}

Places ManyPlaces() {
  Places places;
  for (int t = 0; t < kPages * kPageSize; ++t) {
    places.positions.push_back(t * 31 % kPositions);
    places.slots.push_back(t % 9 == 4 ? -1 : t);
  }
  return places;
}

void Check(const Case& c, const Places& places, const Stream& stream) {
  const auto& [positions, slots] = places;
  const int rows = static_cast<int>(slots.size());
  const int width = (c.heads + 2 * c.kv_heads) * c.dim;
  const TestProduct qkv = MakeProduct(rows, width, c.scaled, width + c.dim);
  const std::vector<float> q_norm = RandomFloats(c.dim, 1), k_norm = RandomFloats(c.dim, 2);
  const DeviceArray<float> device_q_norm(q_norm), device_k_norm(k_norm);
  const DeviceArray<float> table = RopeTable(c.dim, stream);
  const DeviceArray<int32_t> device_positions(positions), device_slots(slots);
  const size_t token = static_cast<size_t>(c.kv_heads) * c.dim;
  const DeviceArray<BFloat16> pages(kPages * 2 * kPageSize * token, kUnwrittenBf16);
  const std::vector<BFloat16> before = qkv.data.Download();
  RotateAndStore({c.heads, c.kv_heads, c.dim}, rows,
                 {.qkv = qkv.view(c.scaled),
                  .q_norm = c.norms ? device_q_norm.data() : nullptr,
                  .k_norm = c.norms ? device_k_norm.data() : nullptr,
                  .norm_eps = kEps,
                  .rope_table = table.data(),
                  .positions = device_positions.data(),
                  .slots = device_slots.data(),
                  .pages = pages.data(),
                  .page_size = kPageSize},
                 stream.handle());
  const std::vector<BFloat16> after = qkv.data.Download(), stored = pages.Download();
  std::vector<bool> written(stored.size(), false);
  for (int t = 0; t < rows; ++t) {
    for (int h = 0; h < c.heads + 2 * c.kv_heads; ++h) {
      const size_t at = static_cast<size_t>(t) * width + static_cast<size_t>(h) * c.dim;
      std::vector<double> want(qkv.values.begin() + at, qkv.values.begin() + at + c.dim);
      const bool is_query = h < c.heads, is_value = h >= c.heads + c.kv_heads;
      const std::string what = "row " + std::to_string(t) + " head " + std::to_string(h);
      if (!is_value) Turn(want, c.norms ? (is_query ? &q_norm : &k_norm) : nullptr, positions[t]);
      if (is_query) {
        ExpectHead(after.data() + at, want, what);
        continue;
      }
      for (int i = 0; i < c.dim; ++i) ASSERT_EQ(after[at + i].bits, before[at + i].bits) << what;
      if (slots[t] < 0) continue;
      const int kv_head = (h - c.heads) % c.kv_heads;
      const size_t page = slots[t] / kPageSize, place = slots[t] % kPageSize;
      const size_t to = ((page * 2 + is_value) * kPageSize + place) * token + kv_head * c.dim;
      ExpectHead(stored.data() + to, want, what);
      std::fill_n(written.begin() + static_cast<int64_t>(to), c.dim, true);
    }
  }
  for (size_t i = 0; i < stored.size(); ++i) {
    if (!written[i]) {
      ASSERT_EQ(stored[i].bits, kUnwrittenBf16.bits) << "wrote beside, " << i;
    }
  }
}

TEST(CudaRopeTest, TurnsQueriesAndStoresKeysAndValues) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  for (const Case& c :
       {Case{9, 3, 64, false, false}, Case{40, 8, 128, false, true}, Case{16, 8, 128, true, false},
        Case{14, 2, 64, true, true}, Case{3, 1, 80, false, true}, Case{2, 2, 256, true, false},
        Case{1, 1, 16, false, false}, Case{8, 1, 96, true, true}}) {
    SCOPED_TRACE(std::to_string(c.heads) + "/" + std::to_string(c.kv_heads) + " heads of " +
                 std::to_string(c.dim));
    ASSERT_NO_FATAL_FAILURE(Check(c, FewPlaces(), stream));
    ASSERT_NO_FATAL_FAILURE(Check(c, ManyPlaces(), stream));
  }
}

}  // namespace
}  // namespace qed::cuda
