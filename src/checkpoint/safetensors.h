// safetensors files: the header, checked against the bytes that are there.
// Format: an 8-byte length, a JSON header of that length, then the data, which
// the tensors tile without holes or overlaps.
#ifndef QED_CHECKPOINT_SAFETENSORS_H_
#define QED_CHECKPOINT_SAFETENSORS_H_

#include <cstddef>
#include <span>
#include <vector>

#include "base/status.h"
#include "checkpoint/raw_tensor.h"

namespace qed {

// The tensors in the order of their names; views of `bytes`, which must outlive
// them.
Result<std::vector<RawTensor>> ParseSafetensors(std::span<const std::byte> bytes);

}  // namespace qed

#endif  // QED_CHECKPOINT_SAFETENSORS_H_
