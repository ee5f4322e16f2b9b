#include "kernels/cuda/read_rate.h"

namespace qed::cuda {

Result<double> MeasureReadRate() {
  return Unsupported("this program was built without CUDA; build it with -DQED_CUDA=ON");
}

}  // namespace qed::cuda
