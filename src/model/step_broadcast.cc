#include "model/step_broadcast.h"

#include "base/check.h"
#include "parallel/agreement.h"

namespace qed {
namespace {

// A step behind its RankMessage, all of it int32: tokens [T]; of each sequence first row, rows,
// first position and number of pages [B, 4]; rows of logits [R]; all pages.
constexpr int32_t kSequenceWords = 4;

size_t WordsOf(const RankMessage& message) {
  return static_cast<size_t>(message.tokens) + size_t{kSequenceWords} * message.sequences +
         static_cast<size_t>(message.logit_rows) + static_cast<size_t>(message.pages);
}

RankMessage MessageOf(const ForwardBatch& batch) {
  RankMessage message = {.kind = RankMessage::Kind::kStep,
                         .tokens = static_cast<int32_t>(batch.tokens.size()),
                         .sequences = static_cast<int32_t>(batch.sequences.size()),
                         .logit_rows = static_cast<int32_t>(batch.logit_rows.size())};
  for (const ForwardBatch::Sequence& sequence : batch.sequences) {
    message.pages += static_cast<int32_t>(sequence.pages.size());
  }
  return message;
}

void Pack(const ForwardBatch& batch, std::vector<int32_t>& words) {
  words.assign(batch.tokens.begin(), batch.tokens.end());
  for (const ForwardBatch::Sequence& sequence : batch.sequences) {
    for (const int32_t word : {sequence.first_row, sequence.num_rows, sequence.first_position,
                               static_cast<int32_t>(sequence.pages.size())}) {
      words.push_back(word);
    }
  }
  words.insert(words.end(), batch.logit_rows.begin(), batch.logit_rows.end());
  for (const ForwardBatch::Sequence& sequence : batch.sequences) {
    words.insert(words.end(), sequence.pages.begin(), sequence.pages.end());
  }
}

// Views of `words`, with the sequences in `sequences`.
ForwardBatch Unpack(const RankMessage& message, std::span<const int32_t> words,
                    std::vector<ForwardBatch::Sequence>& sequences) {
  ForwardBatch batch;
  batch.tokens = words.first(static_cast<size_t>(message.tokens));
  words = words.subspan(batch.tokens.size());
  std::span<const int32_t> fields = words.first(size_t{kSequenceWords} * message.sequences);
  words = words.subspan(fields.size());
  batch.logit_rows = words.first(static_cast<size_t>(message.logit_rows));
  words = words.subspan(batch.logit_rows.size());
  sequences.clear();
  for (; !fields.empty(); fields = fields.subspan(kSequenceWords)) {
    const auto pages = static_cast<size_t>(fields[3]);
    sequences.push_back({fields[0], fields[1], fields[2], words.first(pages)});
    words = words.subspan(pages);
  }
  batch.sequences = sequences;
  return batch;
}

}  // namespace

StepTeller::StepTeller(Communicator& ranks, size_t words) : ranks_(ranks) {
  QED_CHECK_EQ(ranks_.rank(), 0);
  message_.reserve(words);
}

void StepTeller::Tell(const ForwardBatch& batch) {
  const RankMessage message = MessageOf(batch);
  Pack(batch, message_);
  QED_CHECK_EQ(message_.size(), WordsOf(message));
  ShareMessage(ranks_, message);
  ranks_.Broadcast(std::as_writable_bytes(std::span(message_)));
}

size_t WordsOfSteps(int32_t max_rows, int32_t max_sequences, int32_t num_pages) {
  return static_cast<size_t>(max_rows) + size_t{kSequenceWords} * max_sequences +
         2 * static_cast<size_t>(num_pages);
}

void FollowSteps(Communicator& ranks, const std::function<bool(const ForwardBatch&)>& compute) {
  std::vector<int32_t> words;
  std::vector<ForwardBatch::Sequence> sequences;
  for (;;) {
    const RankMessage message = ShareMessage(ranks, {});
    if (message.kind == RankMessage::Kind::kEnd) return;
    QED_CHECK(message.kind == RankMessage::Kind::kStep);
    words.resize(WordsOf(message));
    ranks.Broadcast(std::as_writable_bytes(std::span(words)));
    if (!compute(Unpack(message, words, sequences))) return;
  }
}

}  // namespace qed
