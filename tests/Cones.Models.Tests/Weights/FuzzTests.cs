using Cones.Models.Weights;
using Cones.Models.Weights.Pickle;
using CsCheck;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Weights;

/// <summary>Whatever is done to a file: it is read, or refused with a message, and nothing else.</summary>
public sealed class FuzzTests : WeightsFixture
{
    // Fixed, so that a failure can be repeated.
    const string Seed = "0000KOIPe036";

    static readonly Gen<(int Where, byte Value)[]> s_changes = Gen.Select(Gen.Int[0, int.MaxValue - 1], Gen.Byte).Array[1, 6];

    [Fact]
    public void Damaged_safetensors_files_are_read_or_refused()
    {
        var path = PathOf("a.safetensors");
        SafetensorsWriter.Write(path, Example(), new Dictionary<string, string> { ["format"] = "pt" });
        Damage(path);
    }

    [Fact]
    public void Damaged_PyTorch_files_are_read_or_refused()
    {
        var path = PathOf("a.pt");
        TorchWriter.Write(path, Example());
        Damage(path);
    }

    static Dictionary<string, Tensor> Example() => new()
    {
        ["w"] = Counting(3, 5),
        ["h"] = Counting(4).to(ScalarType.Float16),
        ["n"] = tensor(new[] { 1L, 2L }),
        ["b"] = tensor(new[] { true, false, true }),
    };

    void Damage(string path)
    {
        var original = File.ReadAllBytes(path);
        var damaged = PathOf("damaged" + Path.GetExtension(path));
        s_changes.Sample(
            changes =>
            {
                var bytes = original.ToArray();
                foreach (var (where, value) in changes) bytes[where % bytes.Length] = value;

                // An even first value also cuts the file somewhere.
                var length = changes[0].Value % 2 == 0 ? changes[0].Where % (bytes.Length + 1) : bytes.Length;
                File.WriteAllBytes(damaged, bytes[..length]);
                try
                {
                    using var scope = NewDisposeScope();
                    using var checkpoint = Checkpoint.Open(damaged);
                    foreach (var key in checkpoint.Tensors.Keys) checkpoint.Read(key);
                }
                catch (ConesException e)
                {
                    Assert.Contains(damaged, e.Message, StringComparison.Ordinal);
                }
            },
            seed: Seed,
            iter: 1000,
            threads: 1);
    }
}
