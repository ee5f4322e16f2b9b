#include "draft/text_index.h"

#include <utility>

namespace qed {
namespace {

constexpr size_t kFirstBuckets = 1024;

}  // namespace

TextIndex::TextIndex() : buckets_(kFirstBuckets) {}

int32_t TextIndex::AddText(std::span<const int32_t> before) {
  TextOf& text = texts_.emplace_back();
  text.tokens.assign(before.begin(), before.end());
  text.before = static_cast<int32_t>(before.size());
  num_tokens_ += text.before;
  return static_cast<int32_t>(texts_.size()) - 1;
}

// Of the kGroupLengths[level] tokens before `end`; never 0. Two groups with one key are
// taken for the same: their places are compared token by token later.
uint64_t TextIndex::KeyOf(std::span<const int32_t> tokens, size_t end, size_t level) {
  uint64_t hash = 0x9e3779b97f4a7c15u * (level + 1);
  for (size_t i = end - static_cast<size_t>(kGroupLengths[level]); i < end; ++i) {
    hash = (hash ^ static_cast<uint64_t>(tokens[i])) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
  }
  return hash | 1;
}

size_t TextIndex::BucketOf(uint64_t key) const {
  const size_t mask = buckets_.size() - 1;
  size_t i = (key >> 1) & mask;
  while (buckets_[i].key != 0 && buckets_[i].key != key) i = (i + 1) & mask;
  return i;
}

void TextIndex::GrowBuckets() {
  const std::vector<Bucket> old = std::exchange(buckets_, std::vector<Bucket>(2 * buckets_.size()));
  for (const Bucket& bucket : old) {
    if (bucket.key != 0) buckets_[BucketOf(bucket.key)] = bucket;
  }
}

void TextIndex::Append(int32_t number, int32_t token) {
  TextOf& text = texts_[number];
  const size_t position = text.tokens.size();
  text.tokens.push_back(token);
  ++num_tokens_;
  Entry entry = {.place = {number, static_cast<int32_t>(position)}, .previous = {-1, -1, -1}};
  const auto own = static_cast<int32_t>(entries_.size());
  for (size_t level = 0; level < kGroupLengths.size(); ++level) {
    if (position < static_cast<size_t>(kGroupLengths[level])) continue;
    if (2 * used_ >= buckets_.size()) GrowBuckets();
    const uint64_t key = KeyOf(text.tokens, position, level);
    Bucket& bucket = buckets_[BucketOf(key)];
    used_ += bucket.key == 0 ? 1 : 0;
    entry.previous[level] = bucket.latest;
    bucket = {key, own};
  }
  entries_.push_back(entry);
}

int32_t TextIndex::Find(int32_t number, std::span<Place> places) const {
  const std::vector<int32_t>& tokens = texts_[number].tokens;
  for (size_t level = 0; level < kGroupLengths.size(); ++level) {
    if (tokens.size() < static_cast<size_t>(kGroupLengths[level])) continue;
    const Bucket& bucket = buckets_[BucketOf(KeyOf(tokens, tokens.size(), level))];
    int32_t entry = bucket.latest;
    int32_t count = 0;
    while (entry >= 0 && count < static_cast<int32_t>(places.size())) {
      places[count++] = entries_[entry].place;
      entry = entries_[entry].previous[level];
    }
    if (count > 0) return count;
  }
  return 0;
}

}  // namespace qed
