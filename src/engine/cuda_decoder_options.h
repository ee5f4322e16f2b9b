// What steps on a GPU ask of the decoder. For builds with QED_CUDA.
// Private to src/engine.
#ifndef QED_ENGINE_CUDA_DECODER_OPTIONS_H_
#define QED_ENGINE_CUDA_DECODER_OPTIONS_H_

#include <cstdint>

#include "base/status.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "config/engine_config.h"
#include "model/cuda_decoder.h"

namespace qed {

// But for the memory that is taken beside the decoder's. An error where the checkpoint, cut for so
// many ranks, cannot be run as `config` says; `adapter` may be null.
Result<CudaDecoderOptions> MakeCudaDecoderOptions(const Checkpoint& checkpoint,
                                                  const Adapter* adapter,
                                                  const EngineConfig& config, int32_t ranks);

}  // namespace qed

#endif  // QED_ENGINE_CUDA_DECODER_OPTIONS_H_
