// The other ranks' side of steps on GPUs.
#include <array>
#include <cstdint>
#include <memory>

#include "cuda/buffer.h"
#include "cuda/stream.h"
#include "engine/cuda_decoder_options.h"
#include "engine/cuda_step_runner.h"
#include "model/cuda_decoder.h"
#include "model/cuda_ranks.h"
#include "model/step_broadcast.h"

namespace qed {
namespace {

// Computes the steps that the first rank tells of, as many in flight.
class Follower {
 public:
  explicit Follower(CudaDecoder& decoder) : decoder_(decoder) {}

  Status TakeMemory() {
    for (Entry& entry : entries_) {
      QED_ASSIGN_OR_RETURN(entry.input, cuda::PinnedBuffer::Allocate(decoder_.max_input_bytes()));
      QED_ASSIGN_OR_RETURN(entry.end, cuda::Event::Create());
    }
    return OkStatus();
  }

  Status Compute(const ForwardBatch& batch) {
    Entry& entry = entries_[steps_++ % kCudaStepsInFlight];
    QED_RETURN_IF_ERROR(entry.end.Synchronize());  // of the step that had it before
    decoder_.EndIfARankIsLost();
    decoder_.Forward(decoder_.Pack(batch, entry.input.data()), entry.input.data());
    entry.end.Record(decoder_.stream().handle());
    return OkStatus();
  }

 private:
  struct Entry {
    cuda::PinnedBuffer input;
    cuda::Event end;
  };

  CudaDecoder& decoder_;
  std::array<Entry, kCudaStepsInFlight> entries_;
  int64_t steps_ = 0;
};

}  // namespace

Status FollowOnGpu(const Checkpoint& checkpoint, const Adapter* adapter, const EngineConfig& config,
                   const cuda::DeviceInfo& device, ThreadPool& pool, const RankGroup& group) {
  const CudaRanks ranks(group);
  const Result<CudaDecoderOptions> options =
      MakeCudaDecoderOptions(checkpoint, adapter, config, group.place().ranks);
  if (!options.ok()) return ranks.Agree(options.status());
  cuda::UseDevice(device.ordinal);
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<CudaDecoder> decoder,
                       CudaDecoder::Load(checkpoint, adapter, *options, device, pool, group));
  Follower follower(*decoder);
  Status status = follower.TakeMemory();
  FollowSteps(*group.ranks, [&](const ForwardBatch& batch) {
    if (status.ok()) status = follower.Compute(batch);
    return status.ok();
  });
  return status;
}

}  // namespace qed
