#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <sstream>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/test_support.h"
#include "tensor/aligned_buffer.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

struct Shape {
  int heads, kv_heads, dim, page_size;
  DType dtype;
};

// One sequence's projections, position by position.
struct Tokens {
  std::vector<float> q, k, v;  // [n, H, D], [n, KVH, D], [n, KVH, D]
};

Tokens RandomTokens(const Shape& s, int n, uint32_t seed) {
  return {RandomFloats(static_cast<size_t>(n) * s.heads * s.dim, seed, 1.5f),
          RandomFloats(static_cast<size_t>(n) * s.kv_heads * s.dim, seed + 1),
          RandomFloats(static_cast<size_t>(n) * s.kv_heads * s.dim, seed + 2)};
}

// A cache full of NaN, so that whatever is read without having been written shows.
class Cache {
 public:
  Cache(const Shape& s, int pages) {
    const size_t half = KvPageBytes(s.dtype, s.kv_heads, s.dim, s.page_size);
    memory_ = std::move(AlignedBuffer::Allocate(2 * half * pages)).value();
    std::fill(memory_.data(), memory_.data() + memory_.size(), std::byte{0xff});
    kv_ = {.dtype = s.dtype,
           .num_kv_heads = s.kv_heads,
           .head_dim = s.dim,
           .page_size = s.page_size,
           .page_stride = static_cast<int64_t>(2 * half),
           .keys = memory_.data(),
           .values = memory_.data() + half};
  }
  const PagedKv& kv() const { return kv_; }

 private:
  AlignedBuffer memory_;
  PagedKv kv_;
};

struct Part {
  const Tokens* tokens;
  std::vector<int32_t> pages;
  int first = 0;  // position of the first query of this step
  int count = 0;
};

// Writes the parts' keys and values, attends, and returns [T, H, D].
std::vector<float> Step(ThreadPool& pool, Isa isa, const Shape& s, Cache& cache,
                        const std::vector<Part>& parts) {
  OpContext ctx{&pool, isa};
  const size_t q_size = static_cast<size_t>(s.heads) * s.dim;
  const size_t kv_size = static_cast<size_t>(s.kv_heads) * s.dim;
  std::vector<float> q;
  std::vector<AttentionSequence> sequences;
  for (const Part& part : parts) {
    const int rows = static_cast<int>(q.size() / q_size);
    sequences.push_back({rows, part.count, part.first + part.count, part.pages.data()});
    for (int p = part.first; p < part.first + part.count; ++p) {
      const float* row = part.tokens->q.data() + p * q_size;
      q.insert(q.end(), row, row + q_size);
      WriteKvRow(isa, cache.kv(), part.pages[p / s.page_size], p % s.page_size,
                 part.tokens->k.data() + p * kv_size, part.tokens->v.data() + p * kv_size);
    }
  }
  const int rows = static_cast<int>(q.size() / q_size);
  AlignedBuffer workspace =
      std::move(AlignedBuffer::Allocate(AttentionWorkspaceBytes(rows))).value();
  const AttentionPlan plan =
      PlanAttention(sequences, s.heads, s.kv_heads, s.dim, pool.size(), rows, workspace.data());
  std::vector<float> out(q.size(), std::numeric_limits<float>::quiet_NaN());
  PagedAttention(ctx, cache.kv(), plan, q.data(), q_size, s.heads, out.data(), q_size);
  return out;
}

float AsCached(const Shape& s, float x) {
  return s.dtype == DType::kF16 ? HalfToFloat(FloatToHalf(x)) : x;
}

// Obviously right: one query, in double.
std::vector<double> Reference(const Shape& s, const Tokens& t, int position) {
  const int group = s.heads / s.kv_heads;
  std::vector<double> out(static_cast<size_t>(s.heads) * s.dim, 0.0);
  for (int h = 0; h < s.heads; ++h) {
    std::vector<double> p(position + 1);
    for (int j = 0; j <= position; ++j) {
      for (int d = 0; d < s.dim; ++d) {
        p[j] += static_cast<double>(t.q[(position * s.heads + h) * s.dim + d]) *
                AsCached(s, t.k[(j * s.kv_heads + h / group) * s.dim + d]);
      }
      p[j] /= std::sqrt(static_cast<double>(s.dim));
    }
    const double max = *std::max_element(p.begin(), p.end());
    double sum = 0;
    for (double& x : p) sum += x = std::exp(x - max);
    for (int j = 0; j <= position; ++j) {
      for (int d = 0; d < s.dim; ++d) {
        out[h * s.dim + d] +=
            p[j] / sum * AsCached(s, t.v[(j * s.kv_heads + h / group) * s.dim + d]);
      }
    }
  }
  return out;
}

std::vector<int32_t> Pages(int first, int count) {
  std::vector<int32_t> pages(count);
  std::iota(pages.begin(), pages.end(), first);
  std::shuffle(pages.begin(), pages.end(), std::mt19937(first + 1));
  return pages;
}

class AttentionTest : public ::testing::TestWithParam<Shape> {};

TEST_P(AttentionTest, PrefillMatchesDouble) {
  const Shape& s = GetParam();
  const int n = 300;  // more than one partition
  const Tokens tokens = RandomTokens(s, n, 5);
  ThreadPool pool(2);
  const size_t row = static_cast<size_t>(s.heads) * s.dim;
  for (Isa isa : TestableIsas()) {
    const int pages = (n + s.page_size - 1) / s.page_size;
    Cache cache(s, pages);
    const std::vector<float> out = Step(pool, isa, s, cache, {{&tokens, Pages(0, pages), 0, n}});
    for (int position : {0, 1, 15, 16, 100, 255, 256, 299}) {
      const std::vector<double> want = Reference(s, tokens, position);
      for (size_t i = 0; i < row; ++i) {
        ASSERT_NEAR(out[position * row + i], want[i], 1e-5)
            << IsaName(isa) << " position " << position << " element " << i;
      }
    }
  }
}

TEST_P(AttentionTest, SameBitsInAnyCompany) {
  const Shape& s = GetParam();
  const int n = 530;
  const Tokens tokens = RandomTokens(s, n, 6), stranger = RandomTokens(s, 600, 7);
  ThreadPool one(1), two(2);
  const size_t row = static_cast<size_t>(s.heads) * s.dim;
  const int pages = (n + s.page_size - 1) / s.page_size;
  const int stranger_pages = (600 + s.page_size - 1) / s.page_size;
  for (Isa isa : TestableIsas()) {
    Cache whole_cache(s, pages);
    const std::vector<float> whole =
        Step(one, isa, s, whole_cache, {{&tokens, Pages(0, pages), 0, n}});

    // The same positions in uneven chunks, among strangers, on other pages.
    Cache cache(s, pages + stranger_pages);
    const Part other = {&stranger, Pages(0, stranger_pages), 0, 0};
    const std::vector<int32_t> own = Pages(stranger_pages, pages);
    int first = 0, other_first = 0;
    for (int count : {1, 7, 100, 1, 200, 33, 186, 1, 1}) {
      Part company = other;
      company.first = other_first;
      company.count = std::min(1 + count / 3, 40);
      other_first += company.count;
      const bool alone = count == 1 && first > 500;  // a decode step of its own: split
      std::vector<Part> parts;
      if (!alone) parts.push_back(company);
      parts.push_back({&tokens, own, first, count});
      const std::vector<float> out = Step(two, isa, s, cache, parts);
      const std::vector<float> mine(out.end() - static_cast<int64_t>(count * row), out.end());
      const std::vector<float> want(whole.begin() + static_cast<int64_t>(first * row),
                                    whole.begin() + static_cast<int64_t>((first + count) * row));
      ASSERT_EQ(mine, want) << IsaName(isa) << " at " << first << ", " << count << " tokens";
      first += count;
    }
    ASSERT_EQ(first, n);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, AttentionTest,
    ::testing::Values(Shape{1, 1, 64, 16, DType::kF16}, Shape{4, 2, 16, 32, DType::kF32},
                      Shape{9, 3, 64, 16, DType::kF16}, Shape{9, 3, 64, 16, DType::kF32},
                      Shape{8, 2, 80, 16, DType::kF16}, Shape{5, 1, 128, 48, DType::kF16},
                      Shape{12, 2, 96, 16, DType::kF16}, Shape{7, 1, 64, 64, DType::kF32},
                      Shape{8, 1, 128, 16, DType::kF16}, Shape{32, 1, 32, 16, DType::kF16}),
    [](const auto& test) {
      const Shape& s = test.param;
      std::ostringstream name;
      name << "H" << s.heads << "KVH" << s.kv_heads << "D" << s.dim << "P" << s.page_size
           << DTypeName(s.dtype);
      return name.str();
    });

}  // namespace
}  // namespace qed
