// What the GPU's sampler (kernels/cuda/sampling.h) makes of sampling parameters.
#ifndef QED_SAMPLING_DEVICE_SAMPLING_H_
#define QED_SAMPLING_DEVICE_SAMPLING_H_

#include <cstdint>

#include "config/sampling_params.h"
#include "kernels/cuda/sampling.h"

namespace qed {

// What a row of logits is wanted for.
struct DeviceSample {
  int32_t slot = 0;
  uint64_t position = 0;   // of the token among those the sequence generated
  int32_t given = -1;      // not -1: this is the token
  bool next = true;        // the sequence's next one; false where a prompt is scored
  int32_t num_biases = 0;  // of the slot
  int32_t draft = -1;      // of this row's token; -1: none
  int32_t place = 0;       // rows of its chain before it (kernels/cuda/sampling.h)
};

// Fills `row` but for first_top.
cuda::SamplingRow MakeSamplingRow(const SamplingParams& params, const DeviceSample& sample,
                                  int32_t vocab_size);

}  // namespace qed

#endif  // QED_SAMPLING_DEVICE_SAMPLING_H_
