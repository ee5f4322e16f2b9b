#include "draft/cuda_redrafter.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "kernels/cuda/linear_sizes.h"
#include "kernels/cuda/make_weights.h"
#include "kernels/cuda/rms_norm.h"
#include "tensor/quant_format.h"
#include "tensor/random_fill.h"

namespace qed {

using cuda::Activations;
using cuda::BFloat16;
using cuda::DeviceBuffer;
using cuda::DeviceWeight;
using cuda::PinnedBuffer;
using cuda::Product;

namespace {

constexpr int64_t kAlignment = 256;
constexpr int32_t kSideMultiple = 16;  // of products in FP8
constexpr int64_t kPieceBytes = int64_t{16} << 20;

// Values of random heads, about as large as a trained one's.
RandomFill RandomValues(uint64_t index, int32_t columns) {
  return {.stream = (uint64_t{1} << 16) + index, .mean = 0, .step = RandomStep(columns, 1)};
}

// A row of a tensor in bfloat16.
void ReadRow(const RawTensor& tensor, int64_t row, std::vector<float>& values, uint16_t* out) {
  const int64_t columns = tensor.shape[1];
  const size_t row_bytes = tensor.data.size() / static_cast<size_t>(tensor.shape[0]);
  const auto bytes = tensor.data.subspan(static_cast<size_t>(row) * row_bytes, row_bytes);
  if (tensor.dtype == DType::kBF16) {
    std::memcpy(out, bytes.data(), row_bytes);
    return;
  }
  values.resize(static_cast<size_t>(columns));
  DequantizeRow(tensor.dtype, bytes, values);
  std::ranges::transform(values, out, FloatToBFloat16);
}

}  // namespace

CudaRedrafter::CudaRedrafter(const DrafterCheckpoint& drafter, const CudaRedrafterOptions& options)
    : options_(options),
      path_(drafter.path),
      hidden_(drafter.hidden_size),
      exit_(drafter.exit_dim),
      recurrent_(drafter.rnn),
      projects_(drafter.has_input_proj()),
      vocabulary_size_(static_cast<int32_t>(drafter.vocabulary.size())) {
  QED_CHECK(options.max_chains >= 1 && options.max_chains <= kMaxCudaChains);
  QED_CHECK(options.format == WeightFormat::kBF16 || options.format == WeightFormat::kFp8);
  if (recurrent_) {
    AddLinear({"rnn_w.weight", "rnn_u.weight"}, "rnn_u.bias", hidden_, 2 * hidden_);
  }
  if (projects_) AddLinear({"input_proj.weight"}, "input_proj.bias", exit_, 2 * hidden_);
  for (int32_t i = 0; i < drafter.num_layers; ++i) {
    const std::string name = "lm_head." + std::to_string(i) + ".linear.";
    AddLinear({name + "weight"}, name + "bias", exit_, exit_);
  }
  AddLinear({drafter.head_name()}, "", drafter.head_rows(), exit_);
}

void CudaRedrafter::AddLinear(std::vector<std::string> sources, const std::string& bias,
                              int32_t rows, int32_t columns) {
  Linear& linear = linears_.emplace_back();
  linear.sources = std::move(sources);
  linear.bias = bias;
  linear.rows = rows;
  linear.weight.format = options_.format;
  linear.weight.n = (rows + kSideMultiple - 1) / kSideMultiple * kSideMultiple;
  linear.weight.k = columns;
  widest_ = std::max(widest_, linear.weight.n);
}

int64_t CudaRedrafter::Lay(std::byte* base) {
  Workspace work = {};
  int64_t size = 0;
  const auto take = [&](auto& pointer, int64_t count) {
    using Pointer = std::remove_reference_t<decltype(pointer)>;
    if (base != nullptr) pointer = reinterpret_cast<Pointer>(base + size);
    const int64_t bytes = count * static_cast<int64_t>(sizeof(*pointer));
    size += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  };
  const bool fp8 = options_.format == WeightFormat::kFp8;
  for (Linear& linear : linears_) {
    take(linear.weight.data, int64_t{linear.weight.n} * linear.weight.k * (fp8 ? 1 : 2));
    if (fp8) take(linear.scales, linear.weight.n);
    linear.weight.scales = linear.scales;
    if (!linear.bias.empty()) take(linear.bias_values, linear.weight.n);
  }
  const int64_t rows = cuda::BufferRows(options_.max_chains);
  const int64_t width = std::max(2 * hidden_, exit_);
  take(work.latest, rows);
  take(work.tokens, rows);
  if (vocabulary_size_ > 0) take(work.vocabulary, vocabulary_size_);
  take(work.state, rows * hidden_);
  take(work.z, rows * width);
  take(work.scales, 2 * rows);
  take(work.input, rows * 2 * hidden_ * int64_t{sizeof(BFloat16)});
  take(work.x, rows * width * int64_t{sizeof(BFloat16)});
  take(work.product, rows * widest_);
  take(work.drafts, rows * options_.max_drafts);
  if (cuda::HasFewRowsLinear()) {
    take(work.few_rows, static_cast<int64_t>(cuda::FewRowsWorkspace()));
  }
  if (base != nullptr) work_ = work;
  return size;
}

int64_t CudaRedrafter::DeviceBytes(const DrafterCheckpoint& drafter,
                                   const CudaRedrafterOptions& options) {
  const int64_t products = cuda::HasFewRowsLinear() ? 0 : cuda::Linears::DeviceBytes();
  return CudaRedrafter(drafter, options).Lay(nullptr) + products;
}

Status CudaRedrafter::CheckShape() const {
  if (hidden_ % kSideMultiple == 0 && exit_ % kSideMultiple == 0 &&
      std::max(2 * hidden_, exit_) <= cuda::kMaxRowWidth) {
    return OkStatus();
  }
  return Unsupported(path_ + ": a head with hidden_size " + std::to_string(hidden_) +
                     " and exit_dim " + std::to_string(exit_) +
                     " cannot be run on a GPU: multiples of " + std::to_string(kSideMultiple) +
                     " can, up to " + std::to_string(cuda::kMaxRowWidth) + "; leave out --drafter");
}

Result<std::unique_ptr<CudaRedrafter>> CudaRedrafter::Load(const DrafterCheckpoint& drafter,
                                                           const DeviceWeight& embedding,
                                                           const CudaRedrafterOptions& options,
                                                           const cuda::Stream& stream) {
  std::unique_ptr<CudaRedrafter> made(new CudaRedrafter(drafter, options));
  QED_RETURN_IF_ERROR(made->CheckShape());
  QED_CHECK(embedding.format == WeightFormat::kBF16 && embedding.k == made->hidden_);
  made->embedding_ = embedding;
  made->stream_ = stream.handle();
  const int64_t bytes = made->Lay(nullptr);
  QED_ASSIGN_OR_RETURN(made->memory_, DeviceBuffer::Allocate(static_cast<size_t>(bytes)));
  made->Lay(made->memory_.data());
  // Rows that pad the head, and what must be zero before the first product.
  cuda::Fill(made->memory_.data(), 0, made->memory_.size(), stream.handle());
  QED_RETURN_IF_ERROR(made->LoadWeights(drafter, stream));
  QED_RETURN_IF_ERROR(made->PrepareProducts(stream));
  QED_RETURN_IF_ERROR(made->TryOnce(stream));
  return made;
}

Status CudaRedrafter::LoadWeights(const DrafterCheckpoint& drafter, const cuda::Stream& stream) {
  int64_t piece_bytes = kPieceBytes;
  for (const Linear& linear : linears_) {
    piece_bytes = std::max(piece_bytes, 2 * int64_t{linear.weight.k});
  }
  QED_ASSIGN_OR_RETURN(const PinnedBuffer pinned, PinnedBuffer::Allocate(piece_bytes));
  QED_ASSIGN_OR_RETURN(const DeviceBuffer scratch, DeviceBuffer::Allocate(piece_bytes));
  for (size_t i = 0; i < linears_.size(); ++i) {
    QED_RETURN_IF_ERROR(LoadLinear(drafter, linears_[i], i, pinned, scratch, stream));
  }
  if (vocabulary_size_ > 0) {
    cuda::CopyToDevice(work_.vocabulary, drafter.vocabulary.data(),
                       drafter.vocabulary.size() * sizeof(int32_t), stream.handle());
  }
  return stream.Synchronize();
}

Status CudaRedrafter::LoadLinear(const DrafterCheckpoint& drafter, const Linear& linear,
                                 uint64_t index, const PinnedBuffer& pinned,
                                 const DeviceBuffer& scratch, const cuda::Stream& stream) {
  const DeviceWeight& weight = linear.weight;
  const bool fp8 = weight.format == WeightFormat::kFp8;
  auto* data = memory_.data() + (weight.data - memory_.data());
  const auto step = static_cast<int32_t>(static_cast<int64_t>(scratch.size()) / (2 * weight.k));
  std::vector<float> values;
  for (int32_t first = 0; first < linear.rows; first += step) {
    const int32_t rows = std::min(step, linear.rows - first);
    const int64_t count = int64_t{rows} * weight.k, at = int64_t{first} * weight.k;
    auto* to = fp8 ? scratch.As<BFloat16>() : reinterpret_cast<BFloat16*>(data) + at;
    if (drafter.random) {
      cuda::FillRandom(RandomValues(index, weight.k), at, count, to, stream.handle());
    } else {
      auto* out = pinned.As<uint16_t>();
      for (int32_t row = first; row < first + rows; ++row) {
        for (const std::string& source : linear.sources) {
          const RawTensor& tensor = drafter.tensors.at(source);
          ReadRow(tensor, row, values, out);
          out += tensor.shape[1];
        }
      }
      cuda::CopyToDevice(to, pinned.data(), static_cast<size_t>(count) * sizeof(BFloat16),
                         stream.handle());
    }
    if (fp8) {
      cuda::QuantizeWeightRows(weight.format, rows, weight.k, to, nullptr, data + at,
                               linear.scales + first, stream.handle());
    }
    QED_RETURN_IF_ERROR(stream.Synchronize());  // The pinned memory is filled again.
  }
  if (linear.bias.empty() || drafter.random) return OkStatus();
  const RawTensor& bias = drafter.tensors.at(linear.bias);
  values.resize(static_cast<size_t>(bias.shape[0]));
  DequantizeRow(bias.dtype, bias.data, values);
  cuda::CopyToDevice(linear.bias_values, values.data(), values.size() * sizeof(float),
                     stream.handle());
  return stream.Synchronize();
}

Status CudaRedrafter::PrepareProducts(const cuda::Stream& stream) {
  if (cuda::HasFewRowsLinear()) return OkStatus();
  QED_ASSIGN_OR_RETURN(products_, cuda::Linears::Create());
  std::vector<std::pair<int32_t, int32_t>> done;
  for (const Linear& linear : linears_) {
    const std::pair<int32_t, int32_t> shape = {linear.weight.n, linear.weight.k};
    if (std::ranges::count(done, shape) > 0) continue;
    done.push_back(shape);
    Status prepared =
        products_->Prepare({&linear.weight, 1}, cuda::OutputFormat::kBF16, options_.max_chains,
                           Input(work_.x), work_.product, stream);
    if (!prepared.ok()) return prepared.WithPrefix(path_);
  }
  return OkStatus();
}

// So that every kernel is on the GPU before the first step.
Status CudaRedrafter::TryOnce(const cuda::Stream& stream) {
  const cuda::SamplingRow row;
  const cuda::TokenLogprob token = {0, 0};
  const std::vector<int32_t> first_rows(static_cast<size_t>(options_.max_chains), 0);
  const size_t hidden_bytes = static_cast<size_t>(hidden_) * sizeof(BFloat16);
  QED_ASSIGN_OR_RETURN(const DeviceBuffer step,
                       DeviceBuffer::Allocate(sizeof(row) + sizeof(token) + hidden_bytes +
                                              first_rows.size() * sizeof(int32_t)));
  std::byte* at = step.data();
  const auto put = [&](const void* data, size_t bytes) {
    if (data != nullptr) cuda::CopyToDevice(at, data, bytes, stream.handle());
    return std::exchange(at, at + bytes);
  };
  cuda::Fill(step.data(), 0, step.size(), stream.handle());
  cuda::SampledStep sampled;
  sampled.rows = reinterpret_cast<const cuda::SamplingRow*>(put(&row, sizeof(row)));
  sampled.result = reinterpret_cast<const cuda::TokenLogprob*>(put(&token, sizeof(token)));
  sampled.hidden = reinterpret_cast<const BFloat16*>(put(nullptr, hidden_bytes));
  sampled.first_rows =
      reinterpret_cast<const int32_t*>(put(first_rows.data(), first_rows.size() * sizeof(int32_t)));
  for (int32_t chains = 1; chains <= options_.max_chains; chains *= 2) {
    Draft(sampled, chains, options_.max_drafts);
  }
  return stream.Synchronize();
}

cuda::DraftChains CudaRedrafter::Chains(int32_t count) const {
  return {.count = count,
          .hidden = hidden_,
          .vocab_size = embedding_.n,
          .embedding = reinterpret_cast<const BFloat16*>(embedding_.data),
          .vocabulary = work_.vocabulary,
          .recurrent = recurrent_,
          .latest = work_.latest,
          .tokens = work_.tokens,
          .state = work_.state,
          .input = Input(work_.input)};
}

Activations CudaRedrafter::Input(std::byte* memory) const {
  Activations x;
  x.format = cuda::ActivationsFor(options_.format);
  x.bf16 = reinterpret_cast<BFloat16*>(memory);
  x.fp8 = reinterpret_cast<cuda::Fp8*>(memory);
  x.scales = work_.scales + (memory == work_.input ? 0 : cuda::BufferRows(options_.max_chains));
  return x;
}

Product CudaRedrafter::Multiply(const Linear& linear, const Activations& x, int32_t rows) {
  Product product;
  if (products_ == nullptr) {
    product = cuda::MultiplyFewRows(linear.weight, x, rows, work_.product,
                                    {work_.few_rows, cuda::FewRowsWorkspace()}, stream_);
  } else {
    product = products_->Multiply(linear.weight, x, rows, work_.product, stream_);
  }
  product.bias = linear.bias_values;
  return product;
}

void CudaRedrafter::Draft(const cuda::SampledStep& step, int32_t chains, int32_t drafts) {
  QED_CHECK(chains >= 1 && chains <= options_.max_chains) << chains;
  QED_CHECK(drafts >= 1 && drafts <= options_.max_drafts) << drafts;
  const cuda::DraftChains all = Chains(chains);
  const Activations x = Input(work_.x);
  cuda::BeginChains(all, step, stream_);
  for (int32_t draft = 0; draft < drafts; ++draft) {
    auto linear = linears_.begin();
    Product recurrence;
    if (recurrent_) recurrence = Multiply(*linear++, all.input, chains);
    cuda::AdvanceStates(all, step.hidden, recurrence, work_.z, x, stream_);
    bool replace = projects_;
    for (; linear + 1 != linears_.end(); ++linear) {
      cuda::AddBlock(chains, exit_, Multiply(*linear, x, chains), std::exchange(replace, false),
                     work_.z, x, stream_);
    }
    cuda::ChooseDrafts(all, Multiply(*linear, x, chains), linear->rows, linear->weight.n,
                       work_.drafts + int64_t{draft} * chains, stream_);
  }
}

}  // namespace qed
