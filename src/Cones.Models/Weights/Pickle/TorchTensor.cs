using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Weights.Pickle;

/// <summary>A tensor of a PyTorch file that has not been read yet: a strided view of a storage, checked to lie inside it.</summary>
public sealed class TorchTensor
{
    // A stride of 0 lets a few bytes stand for any number of elements. Up to this number that is fine in any case.
    const long HarmlessCount = 1 << 20;
    const int MostDimensions = 64;

    readonly TorchStorage _storage;
    readonly long _offset;
    readonly string _path;

    TorchTensor(string path, TorchStorage storage, TensorInfo info, long offset, IReadOnlyList<long> strides, bool requiresGrad)
    {
        _path = path;
        _storage = storage;
        _offset = offset;
        Info = info;
        Strides = strides;
        RequiresGrad = requiresGrad;
    }

    /// <summary>Element type and shape.</summary>
    public TensorInfo Info { get; }

    /// <summary>The strides in the file, in elements. <see cref="Read"/> gives a contiguous tensor whatever they are.</summary>
    public IReadOnlyList<long> Strides { get; }

    /// <summary>Whether it was saved as a trainable tensor.</summary>
    public bool RequiresGrad { get; }

    /// <summary>Reads it, in memory of its own, on the CPU. See <see cref="ICheckpoint.Read"/>.</summary>
    /// <param name="type">The type to convert to, or null.</param>
    /// <exception cref="ConesException">The data is damaged or of a type that cannot be read.</exception>
    public Tensor Read(ScalarType? type = null)
    {
        try
        {
            return ReadView(type);
        }
        catch (InvalidDataException e)
        {
            throw new ConesException($"{_path} is damaged: {e.Message}; download it again", e);
        }
    }

    Tensor ReadView(ScalarType? type)
    {
        var size = Info.Type.Bits() / 8;
        var what = $"{_path}: storage {_storage.Key}";
        if (IsContiguous()) return TensorDecoder.Decode(Info, Copy, type, what);

        using var scope = NewDisposeScope();
        var span = TensorDecoder.Decode(new TensorInfo(Info.Type, [Extent(Info.Shape, Strides)]), Copy, type, what);
        return span.as_strided([.. Info.Shape], [.. Strides], 0).contiguous().clone().MoveToOuterDisposeScope();

        void Copy(long offset, Span<byte> target) => _storage.Source.Copy(_storage.Key, (_offset * size) + offset, target);
    }

    /// <summary>Builds a view after checking it.</summary>
    /// <exception cref="InvalidDataException">It does not lie inside the storage; the message has the numbers.</exception>
    internal static TorchTensor Create(string path, TorchStorage storage, DType type, long offset, object?[] shape, object?[] strides, bool requiresGrad)
    {
        if (shape.Length != strides.Length) throw new InvalidDataException($"a tensor has {shape.Length} sizes but {strides.Length} strides");
        if (shape.Length > MostDimensions) throw new InvalidDataException($"a tensor has {shape.Length} dimensions, more than {MostDimensions}");
        var sizes = Array.ConvertAll(shape, s => Number(s, "size"));
        var steps = Array.ConvertAll(strides, s => Number(s, "stride"));
        var capacity = storage.Bytes / (type.Bits() / 8);
        try
        {
            checked
            {
                var count = 1L;
                foreach (var size in sizes) count *= size;
                var end = count == 0 ? 0 : offset + Extent(sizes, steps);
                if (offset < 0 || end > capacity)
                    throw new InvalidDataException(
                        $"a tensor [{string.Join(",", sizes)}] with strides [{string.Join(",", steps)}] and offset {offset} does not lie in its storage of {capacity} elements");
                if (count > Math.Max(HarmlessCount, 16 * capacity))
                    throw new InvalidDataException($"a tensor repeats a storage of {capacity} elements to {count}");
            }
        }
        catch (OverflowException e)
        {
            throw new InvalidDataException($"a tensor [{string.Join(",", sizes)}] with strides [{string.Join(",", steps)}] and offset {offset} is too large", e);
        }

        return new TorchTensor(path, storage, new TensorInfo(type, sizes), offset, steps, requiresGrad);
    }

    internal TorchTensor WithRequiresGrad(bool value) => new(_path, _storage, Info, _offset, Strides, value);

    static long Number(object? value, string what) =>
        value is long and >= 0 and var number ? number : throw new InvalidDataException($"a tensor has the {what} {value ?? "None"}");

    // The distance from the first element to behind the last; no size is 0.
    static long Extent(IReadOnlyList<long> sizes, IReadOnlyList<long> strides)
    {
        var last = 0L;
        for (var d = 0; d < sizes.Count; d++) last = checked(last + ((sizes[d] - 1) * strides[d]));
        return checked(last + 1);
    }

    bool IsContiguous()
    {
        if (Info.Count == 0) return true;
        var expected = 1L;
        for (var d = Strides.Count - 1; d >= 0; d--)
        {
            if (Info.Shape[d] != 1 && Strides[d] != expected) return false;
            expected *= Info.Shape[d];
        }

        return true;
    }
}
