using System.IO.Compression;
using System.Numerics;
using Cones.Models.Weights;
using Cones.Models.Weights.Pickle;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Weights;

public sealed class TorchFileTests : WeightsFixture
{
    [Fact]
    public void What_is_written_is_read_again()
    {
        var path = PathOf("a.pt");
        var weights = new Dictionary<string, Tensor>
        {
            ["t"] = Counting(2, 3).t(),
            ["scalar"] = tensor(3.5),
            ["empty"] = zeros(0, 4),
            ["5d"] = Counting(1, 2, 1, 2, 2),
            ["half"] = Counting(3).to(ScalarType.Float16),
            ["bf16"] = Counting(3).to(ScalarType.BFloat16),
            ["bool"] = tensor(new[] { true, false }),
            ["complex"] = view_as_complex_pair(),
        };
        TorchWriter.Write(path, new Dictionary<string, object?>
        {
            ["weights"] = weights,
            ["list"] = new object?[] { 1, -1, 300, 70_000, -5_000_000_000L, 0.25f, "ä", null, true, false },
            ["many"] = Enumerable.Range(0, 2500).ToDictionary(i => $"k{i}", i => (object?)i),
            ["none"] = new Dictionary<string, object?>(),
        });

        using var archive = TorchArchive.Open(path);
        var root = Assert.IsType<TorchDictionary>(archive.Root);
        Assert.True(root.TryGet<TorchDictionary>("weights", out var read));
        foreach (var (key, expected) in weights)
        {
            var actual = ((TorchTensor)read[key]!).Read();
            Assert.True(Same(actual, expected), key);
        }

        Assert.Equal([1L, -1L, 300L, 70_000L, -5_000_000_000L, 0.25, "ä", null, true, false], (IReadOnlyList<object?>)root["list"]!);
        Assert.Equal(Enumerable.Range(0, 2500).Select(i => (object?)(long)i), ((TorchDictionary)root["many"]!).Select(i => i.Value));
        Assert.Empty((TorchDictionary)root["none"]!);

        static Tensor view_as_complex_pair() => Counting(2, 2).view_as_complex();
    }

    [Fact]
    public void Storages_are_aligned_and_the_archive_is_sound()
    {
        var path = PathOf("name.of.file.pt");
        TorchWriter.Write(path, new Dictionary<string, Tensor> { ["x"] = Counting(3), ["y"] = Counting(5) });
        using (var zip = ZipFile.OpenRead(path))
        {
            Assert.All(zip.Entries, e => Assert.StartsWith("name.of.file/", e.FullName, StringComparison.Ordinal));
            using var stream = zip.GetEntry("name.of.file/data/1")!.Open();
            var bytes = new byte[20];
            stream.ReadExactly(bytes);
            Assert.Equal(4f, BitConverter.ToSingle(bytes, 16));
        }

        var position = File.ReadAllBytes(path).AsSpan().IndexOf(BitConverter.GetBytes(4f));
        Assert.Equal(0, (position - 16) % 64);
    }

    [Fact]
    public void A_checkpoint_is_found_below_the_usual_names()
    {
        var path = PathOf("a.pth");
        TorchWriter.Write(path, new Dictionary<string, object?>
        {
            ["model"] = new Dictionary<string, Tensor> { ["module.w"] = Counting(2) },
            ["optimizer"] = new Dictionary<string, object?> { ["lr"] = 0.1 },
            ["iteration"] = 5,
        });
        using var checkpoint = Checkpoint.Open(path);
        Assert.Equal(["module.w"], checkpoint.Tensors.Keys);
        Assert.Equal([0f, 1], checkpoint.Read("module.w").data<float>());
    }

    [Fact]
    public void A_file_without_names_says_what_it_holds()
    {
        TorchWriter.Write(PathOf("a.pt"), Counting(2));
        TorchWriter.Write(PathOf("b.pt"), new Dictionary<string, object?> { ["epoch"] = 1 });
        Assert.Contains("a single tensor", Message(() => Checkpoint.Open(PathOf("a.pt"))), StringComparison.Ordinal);
        Assert.Contains("the keys epoch", Message(() => Checkpoint.Open(PathOf("b.pt"))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("}Ns", "more objects")]
    [InlineData("Nt", "container")]
    [InlineData("]h\0a.", "recalls memo 0")]
    [InlineData("]r\u00ff\0\0\0.", "memo 255 follows 0")]
    [InlineData("cos\nsystem\n.", "os.system")]
    [InlineData("ctorch\nFloatStorage\n)R.", "calls torch.FloatStorage")]
    [InlineData("ccollections\nOrderedDict\n)Rccollections\nOrderedDict\n)Rb.", "")]
    [InlineData("}}b.", "sets the state of a dict")]
    [InlineData("ctorch.nn.modules.container\nParameterDict\n)\u0081]b.", "state")]
    [InlineData("\u0095\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ffN.", "ends")]
    [InlineData("X\u00ff\u00ff\u00ff\u00ffab.", "ends")]
    [InlineData("V123\n.", "opcode 0x56")]
    public void Pickles_that_make_no_sense_are_refused(string code, string cause)
    {
        var path = WritePickle([0x80, 2, .. code.Select(c => (byte)c)]);
        if (cause.Length == 0) TorchArchive.Open(path).Dispose();
        else Assert.Contains(cause, Message(() => TorchArchive.Open(path)), StringComparison.Ordinal);
    }

    [Fact]
    public void Integers_of_any_size_keep_their_sign()
    {
        // 2^64, -1 in two bytes, and the largest that fits.
        var path = WritePickle([0x80, 2, (byte)'(', 0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x8a, 2, 0xff, 0xff, 0x8a, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, (byte)'t', (byte)'.']);
        using var archive = TorchArchive.Open(path);
        Assert.Equal([BigInteger.Pow(2, 64), -1L, long.MaxValue], (IReadOnlyList<object?>)archive.Root!);
    }

    [Fact]
    public void A_container_inside_itself_does_not_hang_the_search_for_tensors()
    {
        // d = {}; d["a"] = d
        var path = WritePickle([0x80, 2, .. "}q\0X"u8, 1, 0, 0, 0, .. "ah\0s."u8]);
        Assert.Contains("holds no state dictionary", Message(() => Checkpoint.Open(path)), StringComparison.Ordinal);
    }

    [Fact]
    public void Endless_work_is_refused()
    {
        // Five million empty tuples in a list, deflated to some kilobytes.
        byte[] pickle = [0x80, 2, (byte)']', (byte)'(', .. Enumerable.Repeat((byte)')', 5_000_000), (byte)'e', (byte)'.'];
        Assert.Contains("data.pkl has 5000006 bytes", Message(() => TorchArchive.Open(WritePickle(pickle, CompressionLevel.Optimal))), StringComparison.Ordinal);
        Assert.Contains("operations", Message(() => TorchArchive.Open(WritePickle(pickle))), StringComparison.Ordinal);
    }

    [Fact]
    public void Many_dictionaries_may_share_their_items_but_not_copy_them()
    {
        // 2000 items, then 3000 ParameterDicts whose state refers to them: copies would be 6 million items.
        var code = new List<byte>([0x80, 2, .. "]q\0}q\u0001X"u8, 11, 0, 0, 0, .. "_parameters}("u8]);
        for (var i = 0; i < 2000; i++) code.AddRange([(byte)'M', (byte)i, (byte)(i >> 8), (byte)'N']);
        code.AddRange("us0(h\0"u8);
        for (var i = 0; i < 3000; i++) code.AddRange("ctorch.nn.modules.container\nParameterDict\n)\u0081h\u0001b"u8.ToArray().Where(b => b != 0xc2));
        code.AddRange("t."u8);
        var path = WritePickle([.. code]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var archive = TorchArchive.Open(path);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 20 << 20);
        Assert.Equal(2000, ((TorchDictionary)((IReadOnlyList<object?>)archive.Root!)[3000]!).Count);
    }

    string WritePickle(byte[] pickle, CompressionLevel compression = CompressionLevel.NoCompression)
    {
        var path = PathOf($"{Guid.NewGuid():n}.pt");
        using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
        using var stream = zip.CreateEntry("archive/data.pkl", compression).Open();
        stream.Write(pickle);
        return path;
    }
}
