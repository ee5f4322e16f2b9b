// Texts of tokens that grow at their ends, and where in them a few tokens in a row
// stood before.
#ifndef QED_DRAFT_TEXT_INDEX_H_
#define QED_DRAFT_TEXT_INDEX_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace qed {

// Lengths of the groups of tokens that are indexed, longest first.
inline constexpr std::array<int32_t, 3> kGroupLengths = {5, 3, 2};

class TextIndex {
 public:
  // The place behind a group of tokens: text[position] is what followed it.
  struct Place {
    int32_t text = 0;
    int32_t position = 0;
  };

  TextIndex();

  // A new text whose first tokens, `before`, are there to be compared with alone: they
  // are not found. Returns its number: 0, 1, 2, ...
  int32_t AddText(std::span<const int32_t> before);
  void Append(int32_t text, int32_t token);

  std::span<const int32_t> Text(int32_t text) const { return texts_[text].tokens; }
  int64_t num_tokens() const { return num_tokens_; }  // in all texts

  // The places behind the longest indexed group that ends `text`, latest first, at most
  // places.size() of them; returns their number.
  int32_t Find(int32_t text, std::span<Place> places) const;

 private:
  struct TextOf {
    std::vector<int32_t> tokens;
    int32_t before = 0;  // of them, not to be found
  };
  // A place and, for each group that ends there, the place before with the same group
  // (its number; -1: none).
  struct Entry {
    Place place;
    std::array<int32_t, kGroupLengths.size()> previous;
  };
  struct Bucket {
    uint64_t key = 0;  // of a group; 0: empty
    int32_t latest = -1;
  };

  static uint64_t KeyOf(std::span<const int32_t> tokens, size_t end, size_t level);
  size_t BucketOf(uint64_t key) const;
  void GrowBuckets();

  std::vector<TextOf> texts_;
  std::vector<Entry> entries_;
  std::vector<Bucket> buckets_;  // open addressing; their number is a power of two
  size_t used_ = 0;              // buckets
  int64_t num_tokens_ = 0;
};

}  // namespace qed

#endif  // QED_DRAFT_TEXT_INDEX_H_
