using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Native;

/// <summary>The device that models run on, by its name on command lines.</summary>
public static class ComputeDevice
{
    /// <summary>What takes the best device that is there.</summary>
    public const string Auto = "auto";

    /// <summary>Every name; <c>cuda:1</c> and so on name one of several cards.</summary>
    public static IReadOnlyList<string> Names { get; } = [Auto, "cpu", "cuda", "mps"];

    /// <summary>Whether this build has LibTorch for CUDA.</summary>
    public static bool HasCudaBuild { get; } = LibTorch.Has("libtorch_cuda.so") || LibTorch.Has("torch_cuda.dll");

    /// <summary>The device of a name.</summary>
    /// <exception cref="ConesException">The name is not known, or the device is not there; the message says what to do.</exception>
    public static Device Resolve(string name) => Resolve(name, CudaCards, HasMps);

    /// <summary>As the other overload, with what the machine has given.</summary>
    /// <param name="name">The name.</param>
    /// <param name="cudaCards">The number of CUDA cards that can be used.</param>
    /// <param name="hasMps">Whether there is Apple's Metal.</param>
    internal static Device Resolve(string name, Func<int> cudaCards, Func<bool> hasMps)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name switch
        {
            Auto => cudaCards() > 0 ? new Device(DeviceType.CUDA, 0) : hasMps() ? new Device(DeviceType.MPS) : CPU,
            "cpu" => CPU,
            "mps" => hasMps() ? new Device(DeviceType.MPS) : throw new ConesException("there is no MPS device: it needs macOS on Apple silicon; use --device cpu"),
            _ when Card(name) is { } card => Cuda(name, card, cudaCards()),
            _ => throw new ConesException($"the device '{name}' is not known: {string.Join(", ", Names)} or cuda:1 (--device)"),
        };
    }

    static Device Cuda(string name, int card, int cards)
    {
        if (card < cards) return new Device(DeviceType.CUDA, card);
        if (cards > 0) throw new ConesException($"there is no device '{name}': this machine has {cards} CUDA device(s), counted from cuda:0 (--device)");
        throw new ConesException(HasCudaBuild
            ? "no CUDA device can be used: is there an NVIDIA card and its driver (nvidia-smi)? Else use --device cpu"
            : "this build of cones has LibTorch for the CPU only: build it with -p:ConesBackend=cuda, or use --device cpu");
    }

    static int? Card(string name) => name switch
    {
        "cuda" => 0,
        _ when name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var card) => card,
        _ => null,
    };

    // Not asked in a build without CUDA: TorchSharp would search the disk for the library and print every step.
    static int CudaCards() => HasCudaBuild && cuda.is_available() ? cuda.device_count() : 0;

    static bool HasMps() => OperatingSystem.IsMacOS() && mps_is_available();
}
