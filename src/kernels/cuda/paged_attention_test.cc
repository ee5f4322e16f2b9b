#include "kernels/cuda/paged_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cuda/test_support.h"

namespace qed::cuda {
namespace {

constexpr int32_t kMaxSequences = 12;
constexpr int32_t kMaxTokens = 600;
constexpr int32_t kMaxSeqLen = 3000;
constexpr int32_t kNumSms = 132;

struct Length {
  int32_t rows, context;
};

// Random sequences on shuffled pages, in host memory and on the device. What no
// sequence wrote is NaN.
class Inputs {
 public:
  Inputs(const AttentionShape& shape, const std::vector<Length>& lengths, uint32_t seed)
      : shape_(shape) {
    const int32_t page_size = shape.page_size;
    token_ = static_cast<size_t>(shape.num_kv_heads) * shape.head_dim;
    int32_t num_pages = 1, rows = 0;
    for (const Length& l : lengths) {
      num_pages += (l.context + page_size - 1) / page_size;
      rows += l.rows;
    }
    std::vector<int32_t> ids(num_pages);
    std::iota(ids.begin(), ids.end(), 0);
    std::shuffle(ids.begin(), ids.end(), std::mt19937(seed));
    cache_.assign(static_cast<size_t>(num_pages) * 2 * page_size * token_, kUnwrittenBf16);
    q_stride_ = (shape.num_heads + 2 * shape.num_kv_heads) * shape.head_dim;
    q_ = RandomBFloat16(static_cast<size_t>(rows) * q_stride_, seed + 1, 1.5F);
    pages_.reserve(lengths.size());
    int32_t next = 0, row = 0;
    for (const Length& l : lengths) {
      const int32_t count = (l.context + page_size - 1) / page_size;
      pages_.emplace_back(ids.begin() + next, ids.begin() + next + count);
      next += count;
      sequences_.push_back({row, l.rows, l.context, pages_.back().data()});
      row += l.rows;
      const std::vector<BFloat16> values =
          RandomBFloat16(static_cast<size_t>(l.context) * 2 * token_, seed + 2 + row);
      for (int32_t p = 0; p < l.context; ++p) {
        for (int32_t kind = 0; kind < 2; ++kind) {
          std::copy_n(values.begin() + (int64_t{p} * 2 + kind) * static_cast<int64_t>(token_),
                      token_,
                      cache_.begin() + static_cast<int64_t>(At(sequences_.back(), p, kind)));
        }
      }
    }
    device_cache_ = DeviceArray<BFloat16>(cache_);
    device_q_ = DeviceArray<BFloat16>(q_);
  }

  const std::vector<AttentionSequence>& sequences() const { return sequences_; }
  int32_t rows() const { return sequences_.back().first_row + sequences_.back().num_rows; }

  PagedAttentionArgs Args() const {
    return {.kv = {device_cache_.data(), shape_.num_kv_heads, shape_.head_dim, shape_.page_size},
            .num_heads = shape_.num_heads,
            .q = device_q_.data(),
            .q_stride = q_stride_};
  }

  // Obviously right, in double, against what was computed: the first and last queries
  // of each sequence and some between.
  void Expect(const std::vector<BFloat16>& out) const {
    const int32_t group = shape_.num_heads / shape_.num_kv_heads, dim = shape_.head_dim;
    for (const AttentionSequence& s : sequences_) {
      for (int32_t r = 0; r < s.num_rows; ++r) {
        if (r >= 4 && r < s.num_rows - 4 && r % 13 != 0) continue;
        const int32_t seen = s.context - s.num_rows + r + 1;
        for (int32_t h = 0; h < shape_.num_heads; ++h) {
          const BFloat16* q = q_.data() + (s.first_row + r) * q_stride_ + h * dim;
          std::vector<double> p(seen), want(dim);
          for (int32_t t = 0; t < seen; ++t) {
            const BFloat16* k = cache_.data() + At(s, t, 0) + h / group * dim;
            for (int32_t d = 0; d < dim; ++d) p[t] += double{ToFloat(q[d])} * ToFloat(k[d]);
            p[t] /= std::sqrt(static_cast<double>(dim));
          }
          const double max = *std::ranges::max_element(p);
          double sum = 0, largest = 0;
          for (double& x : p) sum += x = std::exp(x - max);
          for (int32_t t = 0; t < seen; ++t) {
            const BFloat16* v = cache_.data() + At(s, t, 1) + h / group * dim;
            for (int32_t d = 0; d < dim; ++d) want[d] += p[t] / sum * ToFloat(v[d]);
          }
          for (double x : want) largest = std::max(largest, std::abs(x));
          // Weights and chunks' results are rounded to 8 bits, the result too.
          for (int32_t d = 0; d < dim; ++d) {
            const int64_t at = (int64_t{s.first_row + r} * shape_.num_heads + h) * dim + d;
            ASSERT_NEAR(ToFloat(out[at]), want[d], largest / 64 + 1e-3)
                << "context " << s.context << " row " << r << " of " << s.num_rows << " head " << h
                << " element " << d;
          }
        }
      }
    }
  }

 private:
  // Of keys (0) or values (1) at a position.
  size_t At(const AttentionSequence& s, int32_t position, int32_t kind) const {
    const size_t page = s.pages[position / shape_.page_size];
    return ((page * 2 + kind) * shape_.page_size + position % shape_.page_size) * token_;
  }

  AttentionShape shape_;
  size_t token_;  // elements of a token's keys
  int64_t q_stride_;
  std::vector<BFloat16> cache_, q_;
  std::vector<std::vector<int32_t>> pages_;
  std::vector<AttentionSequence> sequences_;
  DeviceArray<BFloat16> device_cache_, device_q_;
};

int DeviceMajor() {
  const Result<DeviceInfo> device = OpenDevice(0);
  return device.ok() ? device->major : 0;
}

// The planner with the memory that goes with it.
class Runner {
 public:
  explicit Runner(const AttentionShape& shape)
      : shape_(shape),
        planner_(shape, {.max_sequences = kMaxSequences,
                         .max_tokens = kMaxTokens,
                         .max_seq_len = kMaxSeqLen,
                         .num_sms = kNumSms,
                         .long_prompts = HasLongPromptKernel(shape, DeviceMajor())}),
        stream_(TestStream()),
        pinned_(std::move(PinnedBuffer::Allocate(planner_.max_plan_bytes())).value()),
        plan_memory_(planner_.max_plan_bytes(), std::byte{0}),
        workspace_(AttentionWorkspaceBytes(planner_, shape), std::byte{0xff}),
        out_(static_cast<size_t>(kMaxTokens) * shape.num_heads * shape.head_dim, kUnwrittenBf16) {
    ClearAttentionWorkspace(planner_, shape, workspace_.data(), stream_.handle());
  }

  void Launch(const Inputs& inputs, const AttentionPlan& plan) {
    PagedAttentionArgs args = inputs.Args();
    args.plan = &plan;
    args.plan_memory = plan_memory_.data();
    args.workspace = workspace_.data();
    args.max_partial_rows = planner_.max_partial_rows();
    args.out = out_.data();
    PagedAttention(args, stream_.handle());
  }

  std::vector<BFloat16> Run(const Inputs& inputs) {
    const AttentionPlan plan = planner_.Plan(inputs.sequences(), pinned_.data());
    CopyToDevice(plan_memory_.data(), pinned_.data(), plan.bytes, stream_.handle());
    Launch(inputs, plan);
    EXPECT_TRUE(stream_.Synchronize().ok());
    return out_.Download();
  }

  // Records work for padded steps and runs it.
  void RunRecorded(const std::vector<const Inputs*>& steps, int32_t padded, int32_t rows_each) {
    for (const Inputs* inputs : steps) {
      // The cache's pointer is part of what is recorded, so a graph for each.
      const AttentionPlan empty = planner_.PlanPadded({}, padded, rows_each, pinned_.data());
      const Result<Graph> graph = Graph::Capture(stream_.handle(), [&] { Launch(*inputs, empty); });
      ASSERT_TRUE(graph.ok()) << graph.status().message();
      const AttentionPlan plan =
          planner_.PlanPadded(inputs->sequences(), padded, rows_each, pinned_.data());
      CopyToDevice(plan_memory_.data(), pinned_.data(), plan.bytes, stream_.handle());
      graph->Launch(stream_.handle());
      graph->Launch(stream_.handle());  // the counters are as they were
      ASSERT_TRUE(stream_.Synchronize().ok());
      ASSERT_NO_FATAL_FAILURE(inputs->Expect(out_.Download()));
    }
  }

 private:
  AttentionShape shape_;
  AttentionPlanner planner_;
  Stream stream_;
  PinnedBuffer pinned_;
  DeviceArray<std::byte> plan_memory_, workspace_;
  DeviceArray<BFloat16> out_;
};

class CudaAttentionTest : public ::testing::TestWithParam<AttentionShape> {};

TEST_P(CudaAttentionTest, PromptsDecodesAndDraftsMatchDouble) {
  QED_REQUIRE_DEVICE();
  Runner runner(GetParam());
  const std::vector<std::vector<Length>> steps = {
      {{1, 1}},
      {{1, 650}},
      {{300, 300}},
      {{17, 2000}, {1, 3000}},
      {{1, 300}, {384, 384}, {200, 1100}},
      {{550, 2000}, {1, 20}},
      {{1, 129}, {1, 16}, {1, 17}, {2, 2}, {3, 700}, {8, 500}, {150, 900}, {64, 64}, {1, 2500}},
  };
  for (size_t i = 0; i < steps.size(); ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    const Inputs inputs(GetParam(), steps[i], static_cast<uint32_t>(i) * 100);
    const std::vector<BFloat16> out = runner.Run(inputs);
    ASSERT_NO_FATAL_FAILURE(inputs.Expect(out));
    // Chunks are merged in one order, and the workspace is left as it was.
    const std::vector<BFloat16> again = runner.Run(inputs);
    ASSERT_EQ(std::memcmp(out.data(), again.data(),
                          static_cast<size_t>(inputs.rows()) * GetParam().num_heads *
                              GetParam().head_dim * sizeof(BFloat16)),
              0);
  }
}

TEST_P(CudaAttentionTest, RecordedWorkServesAnyContext) {
  QED_REQUIRE_DEVICE();
  Runner runner(GetParam());
  const Inputs decodes(GetParam(), {{1, 40}, {1, 3000}, {1, 1}, {1, 700}}, 7);
  const Inputs one(GetParam(), {{1, 2999}}, 8);
  ASSERT_NO_FATAL_FAILURE(runner.RunRecorded({&decodes, &one}, 8, 1));
  const Inputs drafts(GetParam(), {{4, 40}, {4, 2000}, {4, 4}}, 9);
  ASSERT_NO_FATAL_FAILURE(runner.RunRecorded({&drafts}, 4, 4));
}

INSTANTIATE_TEST_SUITE_P(
    Groups, CudaAttentionTest,
    ::testing::Values(AttentionShape{4, 4, 64, 16}, AttentionShape{9, 3, 64, 16},
                      AttentionShape{10, 2, 128, 16}, AttentionShape{7, 1, 64, 32},
                      AttentionShape{8, 1, 128, 16}, AttentionShape{4, 2, 128, 64},
                      AttentionShape{6, 1, 128, 16}, AttentionShape{12, 3, 64, 48}),
    [](const auto& test) {
      const AttentionShape& s = test.param;
      std::ostringstream name;
      name << "H" << s.num_heads << "KVH" << s.num_kv_heads << "D" << s.head_dim << "P"
           << s.page_size;
      return name.str();
    });

TEST(CudaAttentionShapeTest, RefusesWhatWasNotCompiled) {
  EXPECT_TRUE(CheckAttentionShape({40, 8, 128, 16}).ok());
  const Status status = CheckAttentionShape({8, 2, 80, 16});
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_NE(status.message().find("80"), std::string::npos);
  EXPECT_FALSE(CheckAttentionShape({9, 2, 64, 16}).ok());
}

}  // namespace
}  // namespace qed::cuda
