#include "quantize/text_model.h"

namespace qed {

Result<std::unique_ptr<ObservableModel>> LoadTextModelOnGpu(const Checkpoint&, const Adapter*,
                                                            const TextLimits&,
                                                            const cuda::DeviceInfo&, ThreadPool&) {
  return Unsupported("this program was built without CUDA; texts run on the CPU");
}

}  // namespace qed
