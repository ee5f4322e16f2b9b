// Byte-pair encoding of one word: merges the neighbours of lowest rank until
// none can be merged (Sennrich et al., "Neural machine translation of rare words
// with subword units", ACL 2016), in a time about linear in its bytes (merge_queue.h).
#ifndef QED_TEXT_BPE_H_
#define QED_TEXT_BPE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "text/merge_queue.h"
#include "text/tokenizer_definition.h"

namespace qed {

// Immutable after Create: Encode may be called by any number of threads.
class Bpe {
 public:
  // Working memory of Encode, kept by the caller between words.
  struct Scratch;

  // Errors: a merge whose parts or whole are not in the vocabulary.
  static Result<Bpe> Create(const TokenizerDefinition& definition);

  // Appends the ids of `word`. Bytes without a token become the unknown token,
  // or nothing where the model has none.
  void Encode(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const;

  // How many bytes of `text` are in its tokens: all but those that have no token.
  size_t KeptBytes(std::string_view text) const;

 private:
  struct Merge {
    int32_t rank = -1;  // -1: these two do not merge
    int32_t id = -1;    // what they become
  };

  Status AddMerges(const TokenizerDefinition& definition);
  Merge FindMerge(int32_t left, int32_t right) const;
  void SetSymbols(std::string_view word, Scratch& scratch) const;
  void Push(int32_t left, Scratch& scratch) const;
  void MergeAll(Scratch& scratch) const;

  std::array<int32_t, 256> byte_ids_;               // -1: no token
  std::unordered_map<std::string, int32_t> words_;  // if ignore_merges: bytes to id
  std::vector<std::pair<uint64_t, Merge>> merges_;  // open addressing, size 2^n
  int32_t unknown_id_ = -1;
  bool fuse_unknown_ = false;
};

struct Bpe::Scratch {
  struct Symbol {
    int32_t id;
    int32_t previous, next;  // -1: none
    bool merged_away;
  };
  std::vector<Symbol> symbols;
  MergeQueue queue;
};

}  // namespace qed

#endif  // QED_TEXT_BPE_H_
