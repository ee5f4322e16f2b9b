#include "model/leading_model.h"

#include <utility>

namespace qed {

LeadingModel::LeadingModel(std::unique_ptr<Decoder> decoder, Communicator& ranks)
    : decoder_(std::move(decoder)),
      steps_(ranks, WordsOfSteps(decoder_->max_num_tokens() + decoder_->max_logit_rows(),
                                 decoder_->max_batch_size(), decoder_->num_pages())) {}

std::span<const float> LeadingModel::Forward(const ForwardBatch& batch) {
  steps_.Tell(batch);
  return decoder_->Forward(batch);
}

void FollowSteps(Decoder& decoder, Communicator& ranks) {
  FollowSteps(ranks, [&](const ForwardBatch& batch) {
    decoder.Forward(batch);
    return true;
  });
}

}  // namespace qed
