// A network that several ranks compute together, as its first rank has it; and what the other
// ranks do.
#ifndef QED_MODEL_LEADING_MODEL_H_
#define QED_MODEL_LEADING_MODEL_H_

#include <cstdint>
#include <memory>
#include <span>

#include "model/decoder.h"
#include "model/language_model.h"
#include "model/step_broadcast.h"
#include "parallel/communicator.h"

namespace qed {

// Tells the other ranks of every step before it computes its own part. They have agreed on the
// network (parallel/agreement.h).
class LeadingModel : public LanguageModel {
 public:
  // `ranks` must outlive the model. It stays with the caller to send kEnd after the last step.
  LeadingModel(std::unique_ptr<Decoder> decoder, Communicator& ranks);

  const ModelConfig& config() const override { return decoder_->config(); }
  int32_t page_size() const override { return decoder_->page_size(); }
  int32_t num_pages() const override { return decoder_->num_pages(); }
  int32_t max_num_tokens() const override { return decoder_->max_num_tokens(); }
  int32_t max_batch_size() const override { return decoder_->max_batch_size(); }
  int32_t max_logit_rows() const override { return decoder_->max_logit_rows(); }
  ModelFootprint footprint() const override { return decoder_->footprint(); }
  std::span<const float> hidden() const override { return decoder_->hidden(); }

  // Allocates nothing, but for steps with more pages than any before.
  std::span<const float> Forward(const ForwardBatch& batch) override;

 private:
  const std::unique_ptr<Decoder> decoder_;
  StepTeller steps_;
};

// Computes this rank's part of every step of rank 0's until that one ends.
void FollowSteps(Decoder& decoder, Communicator& ranks);

}  // namespace qed

#endif  // QED_MODEL_LEADING_MODEL_H_
