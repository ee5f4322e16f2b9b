// The network's weights on a GPU: matrices as kernels/cuda/linear.h reads them and
// f32 vectors, in one block of device memory.
#ifndef QED_MODEL_CUDA_WEIGHTS_H_
#define QED_MODEL_CUDA_WEIGHTS_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "cuda/buffer.h"
#include "kernels/cuda/linear.h"
#include "model/weight_reader.h"
#include "tensor/weight_recipe.h"

namespace qed {

// One decoder layer. Biases and head norms are null where the network has none.
struct CudaLayerWeights {
  const float* attention_norm = nullptr;  // [E]
  cuda::DeviceWeight qkv;                 // [(H + 2 KVH) D, E]
  const float* qkv_bias = nullptr;        // [(H + 2 KVH) D]
  const float* q_norm = nullptr;          // [D]
  const float* k_norm = nullptr;          // [D]
  cuda::DeviceWeight o;                   // [E, H D]
  const float* o_bias = nullptr;          // [E]
  const float* ffn_norm = nullptr;        // [E]
  cuda::DeviceWeight gate_up;             // [2 F, E]
  cuda::DeviceWeight down;                // [E, F]
};

struct CudaWeights {
  std::vector<CudaLayerWeights> layers;  // [L]
  cuda::DeviceWeight embedding;          // [V, E], bfloat16
  const float* final_norm = nullptr;     // [E]
  cuda::DeviceWeight head;               // [V, E], bfloat16; the embedding where they are tied
  cuda::DeviceBuffer memory;             // all of the above
};

// Lays the weights out, then brings them to the GPU. Two steps, so that what does
// not fit is known before anything is read.
class CudaWeightLoader {
 public:
  // Linears become what `quantize` says. Without it, codes of a file with a scale a
  // tensor or a row stay as they are, where all layers have the same; every other type,
  // and codes in blocks, become bfloat16. `reader` must outlive the loader.
  CudaWeightLoader(const WeightReader& reader, const std::optional<WeightRecipe>& quantize);

  // kUnsupported where a linear's sides are not what the matrix units and the
  // 16-byte loads of the kernels want.
  Status CheckShapes() const;
  // Device memory of the weights. While Load runs it takes 8 MiB more for each
  // thread, before the KV pages are there.
  int64_t bytes() const { return bytes_; }

  // Reads on all threads of the pool, each through pinned memory of its own, so
  // that reading, converting and copying go side by side. The calling thread's GPU
  // is `ordinal`. kResourceExhausted where memory cannot be had.
  Result<CudaWeights> Load(int ordinal, ThreadPool& pool);

 private:
  // A tensor's place in a matrix: rows [first_row, first_row + its own).
  struct Part {
    const CheckpointTensor* tensor;
    int32_t first_row;
  };
  struct Matrix {
    cuda::DeviceWeight view;  // without pointers
    int64_t data = 0;         // offsets in the memory
    int64_t scales = 0;
    bool codes = false;          // the parts' own codes and scales
    float input_scale = 0;       // above 0: static
    int64_t input_scale_at = 0;  // offset of it
    std::vector<Part> parts;
  };
  struct Vector {
    int64_t offset = 0;  // in the memory
    std::vector<const CheckpointTensor*> parts;
  };
  // Indices; -1: there is none.
  struct Layer {
    int attention_norm, qkv, qkv_bias, q_norm, k_norm, o, o_bias, ffn_norm, gate_up, down;
  };
  // Some rows of a part: what one thread takes at a time.
  struct Job {
    const Matrix* matrix;
    const Part* part;
    int64_t part_index;  // among all parts of all matrices
    int32_t first_row;   // of the tensor
    int32_t rows;
  };
  class Worker;

  using Roles = std::initializer_list<TensorRole>;
  WeightFormat LinearFormat(Roles roles) const;
  int AddLinear(int32_t layer, Roles roles);
  int AddMatrix(WeightFormat format, int32_t layer, Roles roles);
  // -1 where the network has no such vector.
  int AddVector(int32_t layer, Roles roles);
  Layer AddLayer(int32_t layer);
  int64_t Reserve(int64_t bytes);
  std::vector<Job> Jobs() const;
  Status LoadMatrices(int ordinal, std::byte* memory, ThreadPool& pool) const;
  Status LoadVectors(std::byte* memory) const;
  CudaWeights Views(cuda::DeviceBuffer memory) const;

  const WeightReader& reader_;
  const std::optional<WeightRecipe> quantize_;
  int64_t bytes_ = 0;
  std::vector<Matrix> matrices_;
  std::vector<Vector> vectors_;
  std::vector<Layer> layers_;
  int embedding_ = -1, head_ = -1, final_norm_ = -1;
};

}  // namespace qed

#endif  // QED_MODEL_CUDA_WEIGHTS_H_
