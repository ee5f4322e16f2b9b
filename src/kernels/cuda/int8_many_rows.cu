// Products with int8 weights and many rows, on the tensor cores of Hopper GPUs.
#include <cuda_runtime.h>
#include <cutlass/gemm/device/gemm_universal_adapter.h>

#include <cute/tensor.hpp>
#include <cutlass/epilogue/collective/collective_builder.hpp>
#include <cutlass/gemm/collective/collective_builder.hpp>
#include <cutlass/gemm/kernel/gemm_universal.hpp>

#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/int8_linear.h"

namespace qed::cuda {
namespace {

namespace fusion = cutlass::epilogue::fusion;

// y^T [N, T] = W [N, K] x^T [K, T], column-major: so the weights are the operand that goes
// through registers, where they become bfloat16, and a tile has 128 of their rows.
template <int kTokens, int kDepth>
struct TileProduct {
  using Bf16 = cutlass::bfloat16_t;
  using Column = cutlass::layout::ColumnMajor;
  using Tile = cute::Shape<cute::_128, cute::Int<kTokens>, cute::Int<kDepth>>;
  using Cluster = cute::Shape<cute::_1, cute::_1, cute::_1>;
  static constexpr int kAlignX = 8, kAlignWeights = 16;  // elements in 16 bytes

  using SumTimesScale =
      fusion::Sm90EVT<fusion::Sm90Compute<cutlass::multiplies, Bf16, float,
                                          cutlass::FloatRoundStyle::round_to_nearest>,
                      fusion::Sm90ColBroadcast<0, Tile, float>, fusion::Sm90AccFetch>;
  using Epilogue = typename cutlass::epilogue::collective::CollectiveBuilder<
      cutlass::arch::Sm90, cutlass::arch::OpClassTensorOp, Tile, Cluster,
      cutlass::epilogue::collective::EpilogueTileAuto, float, float, void, Column, kAlignX, Bf16,
      Column, kAlignX, cutlass::epilogue::TmaWarpSpecializedCooperative,
      SumTimesScale>::CollectiveOp;
  using Mainloop = typename cutlass::gemm::collective::CollectiveBuilder<
      cutlass::arch::Sm90, cutlass::arch::OpClassTensorOp, int8_t, cutlass::layout::RowMajor,
      kAlignWeights, Bf16, Column, kAlignX, float, Tile, Cluster,
      cutlass::gemm::collective::StageCountAutoCarveout<static_cast<int>(
          sizeof(typename Epilogue::SharedStorage))>,
      cutlass::gemm::KernelTmaWarpSpecializedCooperative>::CollectiveOp;
  // Blocks that the last tiles would leave idle share them along K; the parts are added in
  // a fixed order.
  using Kernel = cutlass::gemm::kernel::GemmUniversal<cute::Shape<int, int, int, int>, Mainloop,
                                                      Epilogue, cutlass::gemm::StreamKScheduler>;
  using Gemm = cutlass::gemm::device::GemmUniversalAdapter<Kernel>;

  static typename Gemm::Arguments Describe(const DeviceWeight& weight, const BFloat16* x,
                                           int32_t rows, BFloat16* y) {
    typename Kernel::StrideA weight_stride{};
    typename Kernel::StrideB x_stride{};
    typename Kernel::StrideD y_stride{};
    cute::get<0>(weight_stride) = weight.k;
    cute::get<0>(x_stride) = weight.k;
    cute::get<1>(y_stride) = weight.n;
    typename Gemm::Arguments arguments{
        cutlass::gemm::GemmUniversalMode::kGemm,
        {weight.n, rows, weight.k, 1},
        {reinterpret_cast<const int8_t*>(weight.data), weight_stride,
         reinterpret_cast<const Bf16*>(x), x_stride},
        {{{weight.scales}, {}, {}}, nullptr, {}, reinterpret_cast<Bf16*>(y), y_stride}};
    arguments.hw_info.sm_count = static_cast<int>(DeviceMultiprocessors());
    // Tiles go in pairs of columns, so that blocks at work together share what they read:
    // without it 8,192 rows took up to 1.6 times as long.
    arguments.scheduler.max_swizzle_size = 2;
    return arguments;
  }

  static size_t WorkspaceBytes(const DeviceWeight& weight, int32_t rows) {
    return Gemm::get_workspace_size(Describe(weight, nullptr, rows, nullptr));
  }

  static void Run(const DeviceWeight& weight, const BFloat16* x, int32_t rows, BFloat16* y,
                  std::span<std::byte> workspace, StreamHandle stream) {
    const auto arguments = Describe(weight, x, rows, y);
    QED_CHECK(Gemm::get_workspace_size(arguments) <= workspace.size());
    Gemm gemm;
    QED_CHECK(gemm.initialize(arguments, workspace.data(), stream) == cutlass::Status::kSuccess);
    QED_CHECK(gemm.run(stream) == cutlass::Status::kSuccess);
    QED_CUDA_CHECK(cudaGetLastError());
  }
};

// Tiles of this many tokens; the depth is what leaves room for enough of them on their way.
using SmallTile = TileProduct<64, 128>;
using LargeTile = TileProduct<256, 64>;
constexpr int32_t kSmallTileRows = 128;  // up to which the small tile is the faster

}  // namespace

bool HasInt8ManyRows() { return DeviceHasWarpgroupProducts(); }

void MultiplyInt8ManyRows(const DeviceWeight& weight, const BFloat16* x, int32_t rows, BFloat16* y,
                          std::span<std::byte> workspace, StreamHandle stream) {
  QED_CHECK(weight.format == WeightFormat::kInt8 && weight.n % 16 == 0 && weight.k % 64 == 0 &&
            rows >= 1);
  if (rows <= kSmallTileRows) return SmallTile::Run(weight, x, rows, y, workspace, stream);
  LargeTile::Run(weight, x, rows, y, workspace, stream);
}

size_t Int8ManyRowsWorkspace(int32_t n, int32_t k, int32_t rows) {
  DeviceWeight weight;
  weight.n = n;
  weight.k = k;
  return rows <= kSmallTileRows ? SmallTile::WorkspaceBytes(weight, rows)
                                : LargeTile::WorkspaceBytes(weight, rows);
}

}  // namespace qed::cuda
