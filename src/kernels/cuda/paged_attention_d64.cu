#include "kernels/cuda/paged_attention.cuh"

namespace qed::cuda {

void LaunchAttention64(int32_t tile_rows, const AttentionLaunch& launch, StreamHandle stream) {
  attention::LaunchHeadDim<64>(tile_rows, launch, stream);
}

}  // namespace qed::cuda
