#include "kernels/cuda/paged_attention.cuh"

namespace qed::cuda {

void LaunchAttention128(int32_t tile_rows, const AttentionLaunch& launch, StreamHandle stream) {
  attention::LaunchHeadDim<128>(tile_rows, launch, stream);
}

}  // namespace qed::cuda
