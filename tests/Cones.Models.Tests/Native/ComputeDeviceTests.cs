using Cones.Models.Native;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests;

public class ComputeDeviceTests
{
    [Theory]
    [InlineData("auto", 0, false, DeviceType.CPU, -1)]
    [InlineData("auto", 0, true, DeviceType.MPS, -1)]
    [InlineData("auto", 2, true, DeviceType.CUDA, 0)]
    [InlineData("cpu", 2, true, DeviceType.CPU, -1)]
    [InlineData("mps", 0, true, DeviceType.MPS, -1)]
    [InlineData("cuda", 1, false, DeviceType.CUDA, 0)]
    [InlineData("cuda:1", 2, false, DeviceType.CUDA, 1)]
    public void A_name_stands_for_what_is_there(string name, int cards, bool mps, DeviceType type, int index)
    {
        var device = ComputeDevice.Resolve(name, () => cards, () => mps);
        Assert.Equal((type, index), (device.type, device.index));
    }

    [Theory]
    [InlineData("cuda", 0, "--device cpu")]
    [InlineData("cuda:2", 2, "2 CUDA device(s)")]
    [InlineData("mps", 1, "--device cpu")]
    [InlineData("cuda:", 1, "not known")]
    [InlineData("cuda:-1", 1, "not known")]
    [InlineData("tpu", 1, "auto, cpu, cuda, mps")]
    public void What_is_not_there_gives_a_remedy(string name, int cards, string part) =>
        Assert.Contains(part, Assert.Throws<ConesException>(() => ComputeDevice.Resolve(name, () => cards, () => false)).Message);

    [Fact]
    public void The_machine_itself_has_a_cpu()
    {
        Assert.Equal(DeviceType.CPU, ComputeDevice.Resolve("cpu").type);
        ComputeDevice.Resolve("auto");
    }

    [Theory]
    [InlineData("fp32", ScalarType.Float32)]
    [InlineData("bf16", ScalarType.BFloat16)]
    [InlineData("fp16", ScalarType.Float16)]
    public void Precisions_have_names(string name, ScalarType type)
    {
        Assert.Equal(type, WeightPrecision.Find(name));
        Assert.Equal(name, WeightPrecision.NameOf(type));
        Assert.Contains("fp32, bf16, fp16", Assert.Throws<ConesException>(() => WeightPrecision.Find("int8")).Message);
    }
}
