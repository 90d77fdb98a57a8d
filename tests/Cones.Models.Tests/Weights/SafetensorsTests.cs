using System.Buffers.Binary;
using System.Text;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Weights;

public sealed class SafetensorsTests : WeightsFixture
{
    [Fact]
    public void The_writer_lays_a_file_out_as_the_reference_library_does()
    {
        var path = PathOf("a.safetensors");
        SafetensorsWriter.Write(
            path,
            new Dictionary<string, Tensor>
            {
                ["b"] = tensor(new byte[] { 7 }),
                ["z"] = tensor(new[] { 1f }),
                ["a\"\n\u0001é"] = tensor(new[] { 2f, 3f }),
                ["i"] = tensor(new[] { 4L }),
            },
            new Dictionary<string, string> { ["y"] = "2", ["format"] = "pt" });

        const string header = """{"__metadata__":{"format":"pt","y":"2"},"i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"a\"\n\u0001é":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"z":{"dtype":"F32","shape":[1],"data_offsets":[16,20]},"b":{"dtype":"U8","shape":[1],"data_offsets":[20,21]}}""";
        var bytes = File.ReadAllBytes(path);
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        Assert.Equal(0, length % 8);
        Assert.Equal(header, Encoding.UTF8.GetString(bytes, 8, length).TrimEnd(' '));
        Assert.Equal([4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 63, 7], bytes[(8 + length)..]);
    }

    [Fact]
    public void Names_are_sorted_by_code_point()
    {
        var path = PathOf("a.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["\U0001F600"] = zeros(1), ["\uFF5E"] = zeros(1), ["B"] = zeros(1), ["a"] = zeros(1) });
        using var file = SafetensorsFile.Open(path);
        Assert.Equal(["B", "a", "\uFF5E", "\U0001F600"], file.Tensors.Keys);
    }

    [Fact]
    public void Any_stride_is_written_row_by_row()
    {
        var x = Counting(3, 4);
        var path = PathOf("a.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["t"] = x.t(), ["s"] = x[TensorIndex.Colon, TensorIndex.Slice(1, 4, 2)] });
        using var file = SafetensorsFile.Open(path);
        Assert.True(Same(file.Read("t"), x.t()));
        Assert.Equal([1f, 3, 5, 7, 9, 11], file.Read("s").data<float>());
    }

    [Fact]
    public void A_failure_leaves_the_old_file_and_nothing_else()
    {
        var path = PathOf("a.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["x"] = ones(1) });
        var before = File.ReadAllBytes(path);
        var sources = new Dictionary<string, TensorSource>
        {
            ["a"] = new(new TensorInfo(DType.F32, [1]), () => zeros(1)),
            ["b"] = new(new TensorInfo(DType.F32, [1]), () => throw new IOException("No space left on device", 28)),
        };
        Assert.Equal($"{path} cannot be written, since the disk is full: free some space or choose another disk", Message(() => SafetensorsWriter.Write(path, sources)));
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(Folder));
    }

    [Fact]
    public void A_source_that_lies_is_found_out()
    {
        var sources = new Dictionary<string, TensorSource> { ["a"] = new(new TensorInfo(DType.F32, [2]), () => zeros(3)) };
        Assert.Throws<InvalidOperationException>(() => SafetensorsWriter.Write(PathOf("a.safetensors"), sources));
        Assert.Empty(Directory.GetFiles(Folder));
    }

    [Fact]
    public void Places_that_cannot_be_written_are_named_with_a_remedy()
    {
        var tensors = new Dictionary<string, Tensor> { ["x"] = ones(1) };
        var path = Path.Combine(Folder, "no", "such", "a.safetensors");
        Assert.Equal($"{path} cannot be written, since its folder does not exist: create it or choose another", Message(() => SafetensorsWriter.Write(path, tensors)));
        Assert.StartsWith($"{Folder} cannot be written (a folder has this name)", Message(() => SafetensorsWriter.Write(Folder, tensors)), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_no_reader_accepts_are_not_written()
    {
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(PathOf("a"), new Dictionary<string, Tensor> { ["__metadata__"] = ones(1) }));
        Assert.ThrowsAny<ArgumentException>(() => SafetensorsWriter.Write(PathOf("a"), new Dictionary<string, Tensor> { ["\ud800"] = ones(1) }));
        Assert.Throws<NotSupportedException>(() => SafetensorsWriter.Write(PathOf("a"), new Dictionary<string, Tensor> { ["c"] = ones(1, dtype: ScalarType.ComplexFloat64) }));
    }

    [Fact]
    public void Reading_converts_and_forgets_the_stored_type()
    {
        var path = PathOf("a.safetensors");
        var x = tensor(new[] { 1.5f, -2f, 65504f });
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["h"] = x.to(ScalarType.Float16), ["b"] = x.to(ScalarType.BFloat16), ["n"] = tensor(new[] { -1L }) });
        using var file = SafetensorsFile.Open(path);
        Assert.True(Same(file.Read("h", ScalarType.Float32), x));
        Assert.Equal(ScalarType.Float16, file.Read("h").dtype);
        Assert.Equal(ScalarType.Float32, file.Read("b", ScalarType.Float32).dtype);
        Assert.Equal(-1f, file.Read("n", ScalarType.Float32).item<float>());
    }

    [Fact]
    public void Unsigned_64_bit_numbers_become_the_right_floats()
    {
        var path = PathOf("a.safetensors");
        WriteFile(path, """{"u":{"dtype":"U64","shape":[2],"data_offsets":[0,16]}}""", [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128]);
        using var file = SafetensorsFile.Open(path);
        Assert.Equal([1L, long.MinValue], file.Read("u").data<long>());
        Assert.Equal([1.0, Math.Pow(2, 63)], file.Read("u", ScalarType.Float64).data<double>());
    }

    [Fact]
    public void Types_without_a_tensor_are_listed_and_refused_by_name()
    {
        var path = PathOf("a.safetensors");
        WriteFile(path, """{"f":{"dtype":"F4","shape":[3,2],"data_offsets":[0,3]},"c":{"dtype":"C64","shape":[1],"data_offsets":[3,11]}}""", new byte[11]);
        using var file = SafetensorsFile.Open(path);
        Assert.Equal(new TensorInfo(DType.F4, []).Type, file.Tensors["f"].Type);
        Assert.Equal(3, file.Tensors["f"].Bytes);
        Assert.Contains("'f' has the element type F4", Message(() => file.Read("f")), StringComparison.Ordinal);
        Assert.Contains("'c' holds complex numbers", Message(() => file.Read("c", ScalarType.Float32)), StringComparison.Ordinal);
        Assert.Equal(ScalarType.ComplexFloat32, file.Read("c").dtype);
    }

    [Fact]
    public void Half_a_byte_is_no_tensor()
    {
        var path = PathOf("a.safetensors");
        WriteFile(path, """{"f":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}""", new byte[1]);
        Assert.Contains("no whole number of bytes", Message(() => SafetensorsFile.Open(path)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_shrinks_while_open_is_an_error_and_no_crash()
    {
        var path = PathOf("a.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["x"] = zeros(100_000) });
        using var file = SafetensorsFile.Open(path);
        using (var stream = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) stream.SetLength(1000);
        Assert.Contains("was shortened", Message(() => file.Read("x")), StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_things_are_named()
    {
        Assert.Equal($"{PathOf("no.safetensors")} does not exist: check the path", Message(() => SafetensorsFile.Open(PathOf("no.safetensors"))));
        Assert.StartsWith($"{Folder} is a folder", Message(() => SafetensorsFile.Open(Folder)), StringComparison.Ordinal);
        var path = PathOf("a.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor>());
        using var file = SafetensorsFile.Open(path);
        Assert.Contains("no tensor 'x'", Assert.Throws<KeyNotFoundException>(() => file.Read("x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_tensors_belong_to_the_caller()
    {
        var path = PathOf("a.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["x"] = Counting(4).to(ScalarType.Float16) });
        using var file = SafetensorsFile.Open(path);
        file.Read("x", ScalarType.Float32).Dispose();
        var before = Tensor.TotalCount;
        var x = file.Read("x", ScalarType.Float32);
        Assert.Equal(before + 1, Tensor.TotalCount);
        file.Dispose();
        Assert.Equal([0f, 1, 2, 3], x.data<float>());
    }

    internal static void WriteFile(string path, string header, byte[] data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        File.WriteAllBytes(path, [.. length, .. json, .. data]);
    }
}
