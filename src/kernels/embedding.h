// One row of the embedding table, out of its packed form: a tied table serves
// as the head too and is kept once.
#ifndef QED_KERNELS_EMBEDDING_H_
#define QED_KERNELS_EMBEDDING_H_

#include <cstdint>

#include "kernels/linear.h"

namespace qed {

// y[0, k) = row `id` of the table. REQUIRES: 0 <= id < table.n.
void EmbeddingRow(const PackedWeight& table, int32_t id, float* y);

}  // namespace qed

#endif  // QED_KERNELS_EMBEDDING_H_
