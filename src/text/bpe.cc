#include "text/bpe.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "text/byte_alphabet.h"

namespace qed {
namespace {

// Words are cut to this many bytes, so that positions fit an int32_t.
constexpr size_t kMaxWordBytes = size_t{1} << 30;
constexpr uint64_t kEmptySlot = UINT64_MAX;

uint64_t PairKey(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

size_t SlotOf(uint64_t key, size_t slots) {
  return static_cast<size_t>(key * 0x9E3779B97F4A7C15u >> 20) & (slots - 1);
}

}  // namespace

Result<Bpe> Bpe::Create(const TokenizerDefinition& definition) {
  Bpe bpe;
  bpe.unknown_id_ = definition.unknown_token_id;
  bpe.fuse_unknown_ = definition.fuse_unknown;
  bpe.byte_ids_.fill(-1);
  for (const VocabToken& token : definition.vocab) {
    const std::optional<std::string> bytes = AlphabetToBytes(token.text);
    if (!bytes.has_value()) continue;
    if (bytes->size() == 1) bpe.byte_ids_[static_cast<uint8_t>(bytes->front())] = token.id;
    if (definition.ignore_merges) bpe.words_.emplace(*bytes, token.id);
  }
  QED_RETURN_IF_ERROR(bpe.AddMerges(definition));
  return bpe;
}

size_t Bpe::KeptBytes(std::string_view text) const {
  size_t kept = 0;
  for (const char byte : text) kept += byte_ids_[static_cast<uint8_t>(byte)] >= 0 ? 1 : 0;
  return kept;
}

Status Bpe::AddMerges(const TokenizerDefinition& definition) {
  std::unordered_map<std::string_view, int32_t> ids;
  ids.reserve(definition.vocab.size());
  for (const VocabToken& token : definition.vocab) ids.emplace(token.text, token.id);

  if (definition.merges.size() > kMaxMerges) {
    return Corrupt(std::to_string(definition.merges.size()) + " merges, more than " +
                   std::to_string(kMaxMerges));
  }
  size_t slots = 16;
  while (slots < 2 * definition.merges.size()) slots *= 2;
  merges_.assign(slots, {kEmptySlot, Merge{}});
  for (size_t rank = 0; rank < definition.merges.size(); ++rank) {
    const auto& [left_text, right_text] = definition.merges[rank];
    const auto left = ids.find(left_text);
    const auto right = ids.find(right_text);
    const auto whole = ids.find(left_text + right_text);
    if (left == ids.end() || right == ids.end() || whole == ids.end()) {
      return Corrupt("merge " + std::to_string(rank) + " of " + QuotedForMessage(left_text) +
                     " and " + QuotedForMessage(right_text) +
                     " needs a token that the vocabulary lacks");
    }
    if (left_text.empty() || right_text.empty()) {
      return Corrupt("merge " + std::to_string(rank) + " has an empty part");
    }
    const uint64_t key = PairKey(left->second, right->second);
    size_t slot = SlotOf(key, slots);
    while (merges_[slot].first != kEmptySlot && merges_[slot].first != key) {
      slot = (slot + 1) & (slots - 1);
    }
    // A pair listed twice has the later rank, as in Hugging Face tokenizers.
    merges_[slot] = {key, {static_cast<int32_t>(rank), whole->second}};
  }
  return OkStatus();
}

Bpe::Merge Bpe::FindMerge(int32_t left, int32_t right) const {
  const uint64_t key = PairKey(left, right);
  for (size_t slot = SlotOf(key, merges_.size());; slot = (slot + 1) & (merges_.size() - 1)) {
    if (merges_[slot].first == key) return merges_[slot].second;
    if (merges_[slot].first == kEmptySlot) return Merge{};
  }
}

void Bpe::SetSymbols(std::string_view word, Scratch& scratch) const {
  scratch.symbols.clear();
  bool after_unknown = false;
  for (const char byte : word) {
    int32_t id = byte_ids_[static_cast<uint8_t>(byte)];
    const bool unknown = id < 0;
    if (unknown) id = after_unknown && fuse_unknown_ ? -1 : unknown_id_;
    after_unknown = unknown && unknown_id_ >= 0;
    if (id < 0) continue;
    const auto index = static_cast<int32_t>(scratch.symbols.size());
    if (index > 0) scratch.symbols.back().next = index;
    scratch.symbols.push_back({id, index - 1, -1, false});
  }
}

void Bpe::Push(int32_t left, Scratch& scratch) const {
  const Scratch::Symbol& symbol = scratch.symbols[left];
  if (symbol.next < 0) return;
  const Merge merge = FindMerge(symbol.id, scratch.symbols[symbol.next].id);
  if (merge.rank < 0) return;
  scratch.queue.Push({merge.rank, left, merge.id});
}

void Bpe::MergeAll(Scratch& scratch) const {
  std::vector<Scratch::Symbol>& symbols = scratch.symbols;
  scratch.queue.Reset(symbols.size());
  for (size_t i = 0; i < symbols.size(); ++i) Push(static_cast<int32_t>(i), scratch);
  for (MergeQueue::Candidate best; scratch.queue.Pop(&best);) {
    Scratch::Symbol& left = symbols[best.left];
    if (left.merged_away || left.next < 0) continue;
    Scratch::Symbol& right = symbols[left.next];
    // Either side may have changed since this was queued. Like Hugging Face
    // tokenizers, accept the pair if it still becomes the same token.
    const Merge now = FindMerge(left.id, right.id);
    if (now.rank < 0 || now.id != best.id) continue;
    left.id = best.id;
    left.next = right.next;
    right.merged_away = true;
    if (left.next >= 0) symbols[left.next].previous = best.left;
    if (left.previous >= 0) Push(left.previous, scratch);
    Push(best.left, scratch);
  }
}

void Bpe::Encode(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const {
  if (!words_.empty()) {
    const auto it = words_.find(std::string(word));
    if (it != words_.end()) {
      ids.push_back(it->second);
      return;
    }
  }
  for (; !word.empty(); word.remove_prefix(std::min(word.size(), kMaxWordBytes))) {
    SetSymbols(word.substr(0, kMaxWordBytes), scratch);
    MergeAll(scratch);
    for (const Scratch::Symbol& symbol : scratch.symbols) {
      if (!symbol.merged_away) ids.push_back(symbol.id);
    }
  }
}

}  // namespace qed
