// What the keys and names of a GGUF model mean.
#ifndef QED_CHECKPOINT_GGUF_CHECKPOINT_H_
#define QED_CHECKPOINT_GGUF_CHECKPOINT_H_

#include <cstddef>
#include <span>

#include "base/status.h"
#include "checkpoint/checkpoint.h"

namespace qed {

// A checkpoint from the bytes of a GGUF file, without path and files: its
// tensors are views of `bytes`, which must outlive it.
Result<Checkpoint> GgufCheckpoint(std::span<const std::byte> bytes);

}  // namespace qed

#endif  // QED_CHECKPOINT_GGUF_CHECKPOINT_H_
