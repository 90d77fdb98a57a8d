using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Layers.Kernels;

/// <summary>Lets kernels see the memory of tensors.</summary>
static unsafe class TensorMemory
{
    /// <summary>Whether a kernel can work on this tensor at all: float32 on the CPU.</summary>
    public static bool IsPlain(Tensor x) => VectorFunctions.IsSupported && x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU;

    /// <summary>Whether [B, C, H, W] lies in memory as [B, H, W, C].</summary>
    public static bool IsChannelsLast(Tensor x)
    {
        var shape = x.shape;
        var stride = x.stride();
        return shape.Length == 4 && stride[1] == 1 && stride[3] == shape[1] && stride[2] == shape[1] * shape[3] && stride[0] == shape[1] * shape[2] * shape[3];
    }

    /// <summary>The same values, laid out channels-last: the tensor itself where it is so already.</summary>
    public static Tensor ToChannelsLast(Tensor x) => IsChannelsLast(x) ? x : x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    /// <summary>An uninitialised [B, C, H, W], channels-last.</summary>
    public static Tensor EmptyChannelsLast(long batch, long channels, long height, long width) =>
        empty([batch, height, width, channels], dtype: ScalarType.Float32).permute(0, 3, 1, 2);

    /// <summary>The first element of a contiguous tensor; the tensor must outlive the use of the pointer.</summary>
    public static float* Pointer(Tensor x) => (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(x.bytes));

    /// <summary>The first element of a channels-last [B, C, H, W].</summary>
    public static float* ChannelsLastPointer(Tensor x)
    {
        using var view = x.permute(0, 2, 3, 1);
        return Pointer(view);
    }
}
