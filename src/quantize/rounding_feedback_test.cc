#include "quantize/rounding_feedback.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "gtest/gtest.h"
#include "quantize/code_rows.h"
#include "quantize/compensated_codes.h"
#include "quantize/input_moments.h"

namespace qed {
namespace {

// Inputs whose columns go together and differ in size, as activations do.
std::vector<float> Inputs(int32_t rows, int32_t width) {
  std::vector<float> x(static_cast<size_t>(rows) * width);
  for (int32_t r = 0; r < rows; ++r) {
    const float common = 2 * UniformFloat(7, 1, static_cast<uint64_t>(r)) - 1;
    for (int32_t c = 0; c < width; ++c) {
      const auto i = static_cast<size_t>(r) * width + c;
      const float own = 2 * UniformFloat(7, 2, i) - 1;
      x[i] = (common + own) * std::exp2(static_cast<float>(c * 37 % 5));
    }
  }
  return x;
}

std::vector<float> MomentsOf(const std::vector<float>& x, int32_t width) {
  const auto side = static_cast<size_t>(width);
  std::vector<float> moments(side * side);
  for (size_t a = 0; a < side; ++a) {
    for (size_t b = 0; b < side; ++b) {
      double sum = 0;
      for (size_t r = 0; r < x.size() / side; ++r) sum += double{x[r * side + a]} * x[r * side + b];
      moments[a * side + b] = static_cast<float>(sum);
    }
  }
  return moments;
}

std::vector<float> Weights(int32_t rows, int32_t width) {
  std::vector<float> w(static_cast<size_t>(rows) * width);
  for (size_t i = 0; i < w.size(); ++i) w[i] = 2 * UniformFloat(7, 3, i) - 1;
  return w;
}

// x of a symmetric, positive definite m x = y, by elimination.
std::vector<double> Solve(std::vector<std::vector<double>> m, std::vector<double> y) {
  const size_t n = y.size();
  for (size_t k = 0; k < n; ++k) {
    for (size_t i = k + 1; i < n; ++i) {
      const double factor = m[i][k] / m[k][k];
      for (size_t c = k; c < n; ++c) m[i][c] -= factor * m[k][c];
      y[i] -= factor * y[k];
    }
  }
  for (size_t k = n; k-- > 0;) {
    for (size_t c = k + 1; c < n; ++c) y[k] -= m[k][c] * y[c];
    y[k] /= m[k][k];
  }
  return y;
}

// The definition: a column is rounded from where it had best be, given what the columns before
// it were rounded to; the columns after it are free. Each time solved anew.
std::vector<float> ByDefinition(const std::vector<float>& moments, const float* w, int32_t width,
                                float step) {
  const auto side = static_cast<size_t>(width);
  double mean = 0;
  for (size_t i = 0; i < side; ++i) mean += moments[i * (side + 1)] / width;
  const auto h = [&](size_t a, size_t b) {
    return double{moments[a * side + b]} + (a == b ? 0.01 * mean : 0.0);
  };
  std::vector<size_t> order(side);
  for (size_t i = 0; i < side; ++i) order[i] = i;
  // The largest first; of equals the later one, as the sort of the smallest first leaves them.
  std::ranges::stable_sort(
      order, [&](size_t a, size_t b) { return moments[a * (side + 1)] < moments[b * (side + 1)]; });
  std::ranges::reverse(order);
  std::vector<float> rounded(side);
  for (size_t done = 0; done < side; ++done) {
    const size_t free = side - done;
    std::vector<std::vector<double>> m(free, std::vector<double>(free));
    std::vector<double> y(free);
    for (size_t a = 0; a < free; ++a) {
      const size_t column = order[done + a];
      for (size_t b = 0; b < free; ++b) m[a][b] = h(column, order[done + b]);
      for (size_t i = 0; i < done; ++i) {
        y[a] -= h(column, order[i]) * (double{rounded[order[i]]} - w[order[i]]);
      }
    }
    const double wanted = w[order[done]] + Solve(m, y)[0];
    rounded[order[done]] = static_cast<float>(std::round(wanted / step) * step);
  }
  return rounded;
}

TEST(RoundingFeedbackTest, IsWhatSolvingForEachColumnGives) {
  ThreadPool pool(2);
  for (int32_t width : {5, 16, 40}) {
    const std::vector<float> moments = MomentsOf(Inputs(3 * width, width), width);
    const auto feedback = RoundingFeedback::Make(moments, width, pool);
    ASSERT_TRUE(feedback.ok()) << feedback.status().message();
    const int32_t rows = 7;
    const float step = 0.25F;
    const std::vector<float> w = Weights(rows, width);
    std::vector<float> made(w.size());
    feedback->RoundRows(w, [&](int32_t column, const double* wanted, double* rounded) {
      for (int32_t r = 0; r < kRoundedRows; ++r) {
        rounded[r] = std::round(wanted[r] / step) * step;
        if (r < rows)
          made[static_cast<size_t>(r * width + column)] = static_cast<float>(rounded[r]);
      }
    });
    for (int32_t r = 0; r < rows; ++r) {
      const std::vector<float> wanted = ByDefinition(moments, w.data() + r * width, width, step);
      for (int32_t c = 0; c < width; ++c) {
        EXPECT_EQ(made[static_cast<size_t>(r * width + c)], wanted[static_cast<size_t>(c)])
            << width << ": " << r << ", " << c;
      }
    }
  }
}

double OutputError(const std::vector<float>& moments, const std::vector<float>& w,
                   const std::vector<float>& q, int32_t width) {
  const auto side = static_cast<size_t>(width);
  double error = 0;
  for (size_t r = 0; r < w.size() / side; ++r) {
    for (size_t a = 0; a < side; ++a) {
      for (size_t b = 0; b < side; ++b) {
        error += (double{q[r * side + a]} - w[r * side + a]) * moments[a * side + b] *
                 (double{q[r * side + b]} - w[r * side + b]);
      }
    }
  }
  return error;
}

// Wider than a block of columns, of sides that are not multiples of anything.
TEST(CompensatedCodesTest, OutputsHaveSmallerErrorsThanWithNearestCodes) {
  const int32_t width = 203, rows = 37;
  const std::vector<float> x = Inputs(400, width);
  const std::vector<float> moments = MomentsOf(x, width);
  const std::vector<float> w = Weights(rows, width);
  for (WeightFormat format : {WeightFormat::kFp8, WeightFormat::kInt8}) {
    const std::vector<float> scales(rows, CodeScale(format, 1.0F) * 8);
    std::vector<std::byte> nearest(w.size()), made(w.size());
    MakeCodes(format, w, scales[0], nearest);
    for (int threads : {1, 3}) {
      ThreadPool pool(threads);
      const auto feedback = RoundingFeedback::Make(moments, width, pool);
      ASSERT_TRUE(feedback.ok());
      std::vector<std::byte> codes(w.size());
      for (size_t row = 0; row < rows; row += kRoundedRows) {
        const size_t count = std::min<size_t>(kRoundedRows, rows - row);
        MakeCompensatedCodes(format, *feedback, std::span(w).subspan(row * width, count * width),
                             std::span(scales).subspan(row, count),
                             std::span(codes).subspan(row * width, count * width));
      }
      if (threads > 1) {
        EXPECT_EQ(codes, made);
      }
      made = codes;
    }
    std::vector<float> of_nearest(w.size()), of_made(w.size());
    CodesToValues(format, nearest, scales[0], of_nearest);
    CodesToValues(format, made, scales[0], of_made);
    EXPECT_LT(OutputError(moments, w, of_made, width),
              0.6 * OutputError(moments, w, of_nearest, width));
  }
}

TEST(RoundingFeedbackTest, InputsThatAreNeverThereOrNotFinite) {
  ThreadPool pool(1);
  const int32_t width = 20;
  std::vector<float> moments(400, 0.0F);
  const std::vector<float> w = Weights(3, width);
  const std::vector<float> scales(3, 1.0F / 127);
  std::vector<std::byte> nearest(w.size()), made(w.size());
  MakeCodes(WeightFormat::kInt8, w, scales[0], nearest);
  const auto feedback = RoundingFeedback::Make(moments, width, pool);
  ASSERT_TRUE(feedback.ok());
  MakeCompensatedCodes(WeightFormat::kInt8, *feedback, w, scales, made);
  EXPECT_EQ(made, nearest);
  moments[21] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(RoundingFeedback::Make(moments, width, pool).status().code(), StatusCode::kCorrupt);
}

TEST(InputMomentsTest, AreTheSumsWhateverTheCut) {
  const int32_t width = 37, rows = 700;
  const std::vector<float> x = Inputs(rows, width);
  const std::vector<float> wanted = MomentsOf(x, width);
  std::vector<std::vector<float>> made;
  for (int32_t cut : {1000, 13}) {
    ThreadPool pool(2);
    auto moments = InputMoments::Create(width, pool);
    ASSERT_TRUE(moments.ok());
    for (int32_t r = 0; r < rows; r += cut) {
      moments->Add(x.data() + r * width, std::min(cut, rows - r), width);
    }
    const std::span<const float> sums = moments->Sums();
    made.emplace_back(sums.begin(), sums.end());
  }
  EXPECT_EQ(made[0], made[1]);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const size_t a = i / width, b = i % width;
    const double size = std::sqrt(double{wanted[a * (width + 1)]} * wanted[b * (width + 1)]);
    EXPECT_NEAR(made[0][i], wanted[i], 1e-5 * size);
  }
}

}  // namespace
}  // namespace qed
