#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/check.h"
#include "cuda/buffer.h"
#include "cuda/error.cuh"
#include "kernels/cuda/cublaslt.cuh"
#include "kernels/cuda/int8_linear.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/linear_sizes.h"

namespace qed::cuda {
namespace {

constexpr size_t kWorkspaceBytes = size_t{32} << 20;  // what cuBLAS recommends for Hopper
// Algorithms that are tried, and how often: more where one product takes microseconds.
constexpr int32_t kManyRows = 256;
constexpr int kCandidates = 12, kRepeats = 6;
constexpr int kLargeCandidates = 6, kLargeRepeats = 2;
// An algorithm that cuBLASLt thinks less of must be this much faster, so that noise
// does not choose another one, with other roundings, at each start.
constexpr float kWorthChanging = 0.97F;
// Beyond so many rows it is dear to leave the scales to whoever reads the product:
// it reads them for each row again.
constexpr int32_t kUnscaledRows = 64;
constexpr float kCacheBytesPerMillisecond = 4e9F;
#define QED_LT_CHECK(call)                                                              \
  do {                                                                                  \
    const cublasStatus_t qed_status = (call);                                           \
    QED_CHECK(qed_status == CUBLAS_STATUS_SUCCESS) << "cuBLASLt status " << qed_status; \
  } while (false)

struct Shape {
  WeightFormat format;  // kBF16 or kFp8
  OutputFormat output;
  int32_t n, k;
  bool operator==(const Shape&) const = default;
};

// How a product of one number of rows is computed.
struct Algorithm {
  cublasLtMatmulAlgo_t choice = {};
  bool scaled = false;  // the multiplication applies the scales
};

struct ShapePlan {
  Shape shape;
  std::vector<int32_t> sizes;         // PaddedSizes
  std::vector<Algorithm> algorithms;  // for each
};

// One call's operands.
struct Operands {
  const void* weight;
  const float* weight_scales;
  const void* x;
  const float* x_scales;
  void* y;
  int64_t y_stride;  // elements from one row of y to the next
};

cudaDataType InputType(WeightFormat format) {
  return format == WeightFormat::kFp8 ? CUDA_R_8F_E4M3 : CUDA_R_16BF;
}
cudaDataType OutputType(OutputFormat output) {
  return output == OutputFormat::kF32 ? CUDA_R_32F : CUDA_R_16BF;
}

// cuBLASLt's description of y^T [N, T] = W [N, K] x^T [K, T], all column-major:
// row-major W and x are column-major [K, N] and [K, T].
struct Description {
  cublasLtMatmulDescOpaque_t operation;
  cublasLtMatrixLayoutOpaque_t weight, x, y;
};

template <typename Value>
void Set(const CublasLt& lt, Description& description, cublasLtMatmulDescAttributes_t attribute,
         Value value) {
  QED_LT_CHECK(lt.MatmulDescSetAttribute(&description.operation, attribute, &value, sizeof(value)));
}

Description Describe(const CublasLt& lt, const Shape& shape, int32_t rows, bool scaled,
                     const Operands& operands) {
  Description d;
  const cudaDataType input = InputType(shape.format);
  QED_LT_CHECK(
      lt.MatmulDescInit(&d.operation, sizeof(d.operation), CUBLAS_COMPUTE_32F, CUDA_R_32F));
  Set(lt, d, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  if (shape.format == WeightFormat::kFp8) {
    Set(lt, d, CUBLASLT_MATMUL_DESC_FAST_ACCUM, int8_t{1});
  }
  if (scaled) {
    Set(lt, d, CUBLASLT_MATMUL_DESC_A_SCALE_MODE,
        static_cast<int32_t>(CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F));
    Set(lt, d, CUBLASLT_MATMUL_DESC_B_SCALE_MODE,
        static_cast<int32_t>(CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F));
    Set(lt, d, CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, operands.weight_scales);
    Set(lt, d, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, operands.x_scales);
  }
  const auto n = static_cast<uint64_t>(shape.n), k = static_cast<uint64_t>(shape.k);
  const auto t = static_cast<uint64_t>(rows);
  QED_LT_CHECK(lt.MatrixLayoutInit(&d.weight, sizeof(d.weight), input, k, n, shape.k));
  QED_LT_CHECK(lt.MatrixLayoutInit(&d.x, sizeof(d.x), input, k, t, shape.k));
  QED_LT_CHECK(
      lt.MatrixLayoutInit(&d.y, sizeof(d.y), OutputType(shape.output), n, t, operands.y_stride));
  return d;
}

std::string ShapeText(const Shape& shape, int32_t rows) {
  return std::string(shape.format == WeightFormat::kFp8 ? "FP8" : "bfloat16") + " weight [" +
         std::to_string(shape.n) + ", " + std::to_string(shape.k) + "] by " + std::to_string(rows) +
         " rows";
}

class CublasLtLinears : public Linears {
 public:
  CublasLtLinears(CublasLt lt, cublasLtHandle_t handle, DeviceBuffer workspace)
      : lt_(lt), handle_(handle), workspace_(std::move(workspace)) {}
  ~CublasLtLinears() override { lt_.Destroy(handle_); }

  Status Prepare(std::span<const DeviceWeight> weights, OutputFormat output, int32_t max_rows,
                 const Activations& x, void* y, const Stream& stream) override;
  Product Multiply(const DeviceWeight& weight, const Activations& x, int32_t rows, BFloat16* y,
                   StreamHandle stream) override;
  void MultiplyF32(const DeviceWeight& weight, const Activations& x, int32_t rows, float* y,
                   StreamHandle stream) override;

 private:
  Status PreparePlan(const Shape& shape, int32_t max_rows, std::span<const Operands> operands,
                     const Stream& stream);
  Status PrepareInt8(const DeviceWeight& weight, int32_t max_rows, const Activations& x, void* y,
                     const Stream& stream);
  std::vector<Algorithm> Candidates(const Shape& shape, int32_t rows, const Operands& operands);
  void AddCandidates(const Shape& shape, int32_t rows, bool scaled, const Operands& operands,
                     std::vector<Algorithm>& found);
  Result<Algorithm> Fastest(const Shape& shape, int32_t rows, std::span<const Operands> operands,
                            const Stream& stream);
  Result<float> Time(const Shape& shape, int32_t rows, const Algorithm& algorithm,
                     std::span<const Operands> operands, const Stream& stream);
  bool CanRun(const Shape& shape, int32_t rows, const Algorithm& algorithm,
              const Operands& operands);
  const Algorithm& Planned(const Shape& shape, int32_t padded) const;
  cublasStatus_t Run(const Shape& shape, int32_t rows, const Algorithm& algorithm,
                     const Operands& operands, StreamHandle stream);

  const CublasLt lt_;
  const cublasLtHandle_t handle_;
  const DeviceBuffer workspace_;
  std::vector<ShapePlan> plans_;
};

// FP8 wants all sizes to be multiples of 16.
int32_t RowsToCompute(WeightFormat format, int32_t rows) {
  return format == WeightFormat::kFp8 ? BufferRows(rows) : PaddedRows(rows);
}

Operands OperandsOf(const DeviceWeight& weight, const Activations& x, void* y) {
  const bool fp8 = weight.format == WeightFormat::kFp8;
  return {.weight = weight.data,
          .weight_scales = weight.scales,
          .x = fp8 ? static_cast<const void*>(x.fp8) : x.bf16,
          .x_scales = x.scales,
          .y = y,
          .y_stride = weight.n};
}

cublasStatus_t CublasLtLinears::Run(const Shape& shape, int32_t rows, const Algorithm& algorithm,
                                    const Operands& operands, StreamHandle stream) {
  Description d = Describe(lt_, shape, rows, algorithm.scaled, operands);
  const float one = 1, zero = 0;
  return lt_.Matmul(handle_, &d.operation, &one, operands.weight, &d.weight, operands.x, &d.x,
                    &zero, operands.y, &d.y, operands.y, &d.y, &algorithm.choice, workspace_.data(),
                    workspace_.size(), stream);
}

bool CublasLtLinears::CanRun(const Shape& shape, int32_t rows, const Algorithm& algorithm,
                             const Operands& operands) {
  Description d = Describe(lt_, shape, rows, algorithm.scaled, operands);
  cublasLtMatmulHeuristicResult_t found = {};
  return lt_.MatmulAlgoCheck(handle_, &d.operation, &d.weight, &d.x, &d.y, &d.y, &algorithm.choice,
                             &found) == CUBLAS_STATUS_SUCCESS &&
         found.state == CUBLAS_STATUS_SUCCESS && found.workspaceSize <= workspace_.size();
}

void CublasLtLinears::AddCandidates(const Shape& shape, int32_t rows, bool scaled,
                                    const Operands& operands, std::vector<Algorithm>& found) {
  Description d = Describe(lt_, shape, rows, scaled, operands);
  cublasLtMatmulPreferenceOpaque_t preference;
  QED_LT_CHECK(lt_.MatmulPreferenceInit(&preference, sizeof(preference)));
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    QED_LT_CHECK(lt_.MatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof(value)));
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t{workspace_.size()});
  // Parts of a split sum are added in f32, not in the output's type.
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  std::array<cublasLtMatmulHeuristicResult_t, kCandidates> results;
  int count = 0;
  const cublasStatus_t status = lt_.MatmulAlgoGetHeuristic(
      handle_, &d.operation, &d.weight, &d.x, &d.y, &d.y, &preference,
      rows <= kManyRows ? kCandidates : kLargeCandidates, results.data(), &count);
  if (status != CUBLAS_STATUS_SUCCESS) return;
  for (int i = 0; i < count; ++i) {
    if (results[i].state == CUBLAS_STATUS_SUCCESS) found.push_back({results[i].algo, scaled});
  }
}

// In cuBLASLt's order of preference.
std::vector<Algorithm> CublasLtLinears::Candidates(const Shape& shape, int32_t rows,
                                                   const Operands& operands) {
  std::vector<Algorithm> found;
  if (shape.format == WeightFormat::kFp8 && rows > kUnscaledRows) {
    AddCandidates(shape, rows, true, operands, found);
  }
  AddCandidates(shape, rows, false, operands, found);
  return found;
}

Result<float> CublasLtLinears::Time(const Shape& shape, int32_t rows, const Algorithm& algorithm,
                                    std::span<const Operands> operands, const Stream& stream) {
  const int repeats = rows <= kManyRows ? kRepeats : kLargeRepeats;
  QED_ASSIGN_OR_RETURN(const Event start, Event::Create(Event::Timing::kOn));
  QED_ASSIGN_OR_RETURN(const Event end, Event::Create(Event::Timing::kOn));
  for (int i = -1; i < repeats; ++i) {
    if (i == 0) start.Record(stream.handle());
    const Operands& taken = operands[static_cast<size_t>(i + 1) % operands.size()];
    if (Run(shape, rows, algorithm, taken, stream.handle()) != CUBLAS_STATUS_SUCCESS) {
      return Unsupported(ShapeText(shape, rows));
    }
  }
  end.Record(stream.handle());
  QED_RETURN_IF_ERROR(end.Synchronize());
  const float milliseconds = Event::Milliseconds(start, end) / static_cast<float>(repeats);
  const bool scales_read_later = shape.format == WeightFormat::kFp8 && !algorithm.scaled;
  if (!scales_read_later || rows <= kUnscaledRows) return milliseconds;
  return milliseconds + static_cast<float>(rows) * static_cast<float>(shape.n) * sizeof(float) /
                            kCacheBytesPerMillisecond;
}

Result<Algorithm> CublasLtLinears::Fastest(const Shape& shape, int32_t rows,
                                           std::span<const Operands> operands,
                                           const Stream& stream) {
  const Algorithm* best = nullptr;
  float best_time = 0;
  const std::vector<Algorithm> candidates = Candidates(shape, rows, operands[0]);
  for (const Algorithm& candidate : candidates) {
    const Result<float> time = Time(shape, rows, candidate, operands, stream);
    if (!time.ok()) {
      if (time.status().code() == StatusCode::kUnsupported) continue;
      return time.status();
    }
    if (best == nullptr || *time < best_time * kWorthChanging) {
      best = &candidate;
      best_time = *time;
    }
  }
  if (best == nullptr) {
    return Unsupported("cuBLASLt has no way to multiply a " + ShapeText(shape, rows));
  }
  return *best;
}

Status CublasLtLinears::PreparePlan(const Shape& shape, int32_t max_rows,
                                    std::span<const Operands> operands, const Stream& stream) {
  ShapePlan plan;
  plan.shape = shape;
  plan.sizes = PaddedSizes(max_rows);
  plan.algorithms.resize(plan.sizes.size());
  size_t next = 0;
  Algorithm fastest;
  int32_t rows = 0;  // that it is the fastest for
  for (int32_t timed : TimedSizes(max_rows)) {
    if (RowsToCompute(shape.format, timed) != rows) {
      rows = RowsToCompute(shape.format, timed);
      QED_ASSIGN_OR_RETURN(fastest, Fastest(shape, rows, operands, stream));
    }
    for (; next < plan.sizes.size() && plan.sizes[next] <= timed; ++next) {
      const int32_t size = RowsToCompute(shape.format, plan.sizes[next]);
      plan.algorithms[next] = fastest;
      if (size != rows && !CanRun(shape, size, fastest, operands[0])) {
        QED_ASSIGN_OR_RETURN(plan.algorithms[next], Fastest(shape, size, operands, stream));
      }
    }
  }
  plans_.push_back(std::move(plan));
  return OkStatus();
}

// Runs each kernel once, so that it is loaded.
Status CublasLtLinears::PrepareInt8(const DeviceWeight& weight, int32_t max_rows,
                                    const Activations& x, void* y, const Stream& stream) {
  for (int32_t rows = kFewInt8Rows + 1; HasInt8ManyRows() && rows <= max_rows; ++rows) {
    if (Int8ManyRowsWorkspace(weight.n, weight.k, rows) > workspace_.size()) {
      return Unsupported("an int8 weight [" + std::to_string(weight.n) + ", " +
                         std::to_string(weight.k) + "] by " + std::to_string(rows) +
                         " rows takes more workspace than there is");
    }
  }
  for (int32_t rows : {8, 16, kFewInt8Rows, kFewInt8Rows + 1, max_rows}) {
    Multiply(weight, x, std::min(rows, max_rows), static_cast<BFloat16*>(y), stream.handle());
  }
  return stream.Synchronize();
}

Status CublasLtLinears::Prepare(std::span<const DeviceWeight> weights, OutputFormat output,
                                int32_t max_rows, const Activations& x, void* y,
                                const Stream& stream) {
  QED_CHECK(!weights.empty() && max_rows >= 1);
  const DeviceWeight& first = weights[0];
  if (first.format == WeightFormat::kInt8) {
    return PrepareInt8(first, max_rows, x, y, stream);
  }
  std::vector<Operands> operands;
  for (const DeviceWeight& weight : weights) {
    QED_CHECK(weight.format == first.format && weight.n == first.n && weight.k == first.k);
    operands.push_back(OperandsOf(weight, x, y));
  }
  return PreparePlan({first.format, output, first.n, first.k}, max_rows, operands, stream);
}

const Algorithm& CublasLtLinears::Planned(const Shape& shape, int32_t padded) const {
  for (const ShapePlan& plan : plans_) {
    if (!(plan.shape == shape)) continue;
    const auto found = std::lower_bound(plan.sizes.begin(), plan.sizes.end(), padded);
    if (found == plan.sizes.end()) continue;
    return plan.algorithms[static_cast<size_t>(found - plan.sizes.begin())];
  }
  QED_CHECK(false) << "not prepared: " << ShapeText(shape, padded);
  return plans_.front().algorithms.front();
}

Product CublasLtLinears::Multiply(const DeviceWeight& weight, const Activations& x, int32_t rows,
                                  BFloat16* y, StreamHandle stream) {
  QED_CHECK(x.format == ActivationsFor(weight.format));
  Product product;
  product.data = y;
  if (weight.format == WeightFormat::kInt8) {
    if (rows <= kFewInt8Rows || !HasInt8ManyRows()) {
      MultiplyInt8FewRows(weight, x.bf16, rows, y, stream);
    } else {
      MultiplyInt8ManyRows(weight, x.bf16, rows, y, {workspace_.data(), workspace_.size()}, stream);
    }
    return product;
  }
  const Shape shape = {weight.format, OutputFormat::kBF16, weight.n, weight.k};
  const Algorithm& algorithm = Planned(shape, PaddedRows(rows));
  QED_LT_CHECK(
      Run(shape, RowsToCompute(weight.format, rows), algorithm, OperandsOf(weight, x, y), stream));
  if (weight.format == WeightFormat::kFp8 && !algorithm.scaled) {
    product.row_scales = x.scales;
    product.column_scales = weight.scales;
  }
  return product;
}

void CublasLtLinears::MultiplyF32(const DeviceWeight& weight, const Activations& x, int32_t rows,
                                  float* y, StreamHandle stream) {
  QED_CHECK(weight.format == WeightFormat::kBF16 && x.format == ActivationFormat::kBF16);
  const Shape shape = {weight.format, OutputFormat::kF32, weight.n, weight.k};
  const int32_t padded = PaddedRows(rows);
  QED_LT_CHECK(Run(shape, padded, Planned(shape, padded), OperandsOf(weight, x, y), stream));
}

}  // namespace

int64_t Linears::DeviceBytes() { return static_cast<int64_t>(kWorkspaceBytes); }

Result<std::unique_ptr<Linears>> Linears::Create() {
  QED_ASSIGN_OR_RETURN(const CublasLt lt, OpenCublasLt());
  QED_ASSIGN_OR_RETURN(DeviceBuffer workspace, DeviceBuffer::Allocate(kWorkspaceBytes));
  cublasLtHandle_t handle = nullptr;
  if (const cublasStatus_t status = lt.Create(&handle); status != CUBLAS_STATUS_SUCCESS) {
    return Unavailable(std::string("cuBLASLt does not start: ") + lt.GetStatusName(status));
  }
  return std::unique_ptr<Linears>(
      std::make_unique<CublasLtLinears>(lt, handle, std::move(workspace)));
}

}  // namespace qed::cuda
