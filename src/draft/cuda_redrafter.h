// A ReDrafter head on a GPU (checkpoint/drafter_checkpoint.h has the network): right behind a
// step's samples it drafts the tokens after them, a chain for each sequence, without a trip to
// the host. draft/redrafter.h is the same on the CPU.
#ifndef QED_DRAFT_CUDA_REDRAFTER_H_
#define QED_DRAFT_CUDA_REDRAFTER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "checkpoint/drafter_checkpoint.h"
#include "cuda/buffer.h"
#include "cuda/stream.h"
#include "kernels/cuda/draft_chain.h"
#include "kernels/cuda/few_rows_linear.h"
#include "kernels/cuda/linear.h"

namespace qed {

// Most chains of one step: with more sequences drafts do not pay anyway.
inline constexpr int32_t kMaxCudaChains = cuda::kFewRows;

struct CudaRedrafterOptions {
  int32_t max_chains = 0;  // at most kMaxCudaChains
  int32_t max_drafts = 0;
  WeightFormat format = WeightFormat::kBF16;  // of the weights on the GPU: this or kFp8
};

// Not thread-safe. Everything runs on the one stream.
class CudaRedrafter {
 public:
  // What Load takes of the GPU's memory.
  static int64_t DeviceBytes(const DrafterCheckpoint& drafter, const CudaRedrafterOptions& options);

  // Brings the weights to the calling thread's GPU, rounded to `format`, and tries everything
  // once. `embedding` is the model's, in bfloat16; it and `stream` must outlive the result.
  // kUnsupported, beginning with the drafter's path, for sides that no kernel was made for;
  // kResourceExhausted where memory cannot be had.
  static Result<std::unique_ptr<CudaRedrafter>> Load(const DrafterCheckpoint& drafter,
                                                     const cuda::DeviceWeight& embedding,
                                                     const CudaRedrafterOptions& options,
                                                     const cuda::Stream& stream);

  int32_t max_chains() const { return options_.max_chains; }
  int32_t max_drafts() const { return options_.max_drafts; }

  // Drafts behind what `step` samples, when the stream comes to it. Allocates nothing.
  // REQUIRES: 1 <= chains <= max_chains(), 1 <= drafts <= max_drafts().
  void Draft(const cuda::SampledStep& step, int32_t chains, int32_t drafts);
  // On the GPU: the latest ones [drafts, chains].
  const cuda::DraftToken* drafts() const { return work_.drafts; }

 private:
  // A product and where its weight comes from.
  struct Linear {
    std::vector<std::string> sources;  // tensors whose columns stand beside one another
    std::string bias;                  // empty: none
    int32_t rows = 0;                  // of the sources; weight.n is padded
    cuda::DeviceWeight weight;
    float* scales = nullptr;
    float* bias_values = nullptr;
  };
  struct Workspace {
    int32_t *latest, *tokens, *vocabulary;
    float *state, *z, *scales;
    std::byte *input, *x;  // inputs of products: of the recurrence, and of all others
    cuda::BFloat16* product;
    cuda::DraftToken* drafts;
    std::byte* few_rows;
  };

  CudaRedrafter(const DrafterCheckpoint& drafter, const CudaRedrafterOptions& options);
  void AddLinear(std::vector<std::string> sources, const std::string& bias, int32_t rows,
                 int32_t columns);
  // Lays weights and workspace at `base`, where there is one; returns their size.
  int64_t Lay(std::byte* base);
  Status CheckShape() const;
  Status LoadWeights(const DrafterCheckpoint& drafter, const cuda::Stream& stream);
  Status LoadLinear(const DrafterCheckpoint& drafter, const Linear& linear, uint64_t index,
                    const cuda::PinnedBuffer& pinned, const cuda::DeviceBuffer& scratch,
                    const cuda::Stream& stream);
  Status PrepareProducts(const cuda::Stream& stream);
  Status TryOnce(const cuda::Stream& stream);
  cuda::DraftChains Chains(int32_t count) const;
  cuda::Activations Input(std::byte* memory) const;
  cuda::Product Multiply(const Linear& linear, const cuda::Activations& x, int32_t rows);

  const CudaRedrafterOptions options_;
  const std::string path_;
  const int32_t hidden_, exit_;
  const bool recurrent_, projects_;
  const int32_t vocabulary_size_;  // of a cut vocabulary; 0: the model's whole
  // In the order of their use: the recurrence, the projection, the layers, the head.
  std::vector<Linear> linears_;
  int32_t widest_ = 0;  // product
  cuda::DeviceWeight embedding_;
  cuda::DeviceBuffer memory_;
  Workspace work_ = {};
  std::unique_ptr<cuda::Linears> products_;  // where the GPU has no MultiplyFewRows
  cuda::StreamHandle stream_ = nullptr;
};

}  // namespace qed

#endif  // QED_DRAFT_CUDA_REDRAFTER_H_
