namespace Cones.Models.Weights.Pickle;

/// <summary>What the few allowed calls of a pickle do.</summary>
static class PickleCalls
{
    /// <summary>The result of <paramref name="name"/>(<paramref name="arguments"/>).</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="name">An allowed name.</param>
    /// <param name="arguments">The tuple that the file gives.</param>
    /// <param name="charge">Told the number of items that are copied.</param>
    public static object? Call(string path, TorchName name, object?[] arguments, Action<int> charge)
    {
        switch (name.Callable, arguments)
        {
            case (PickleCallable.OrderedDict, []):
                return new TorchDictionary(name.FullName);
            case (PickleCallable.OrderedDict, [List<object?> pairs]):
                // Python 2 wrote the items as a list of pairs.
                charge(pairs.Count);
                var dictionary = new TorchDictionary(name.FullName);
                foreach (var pair in pairs)
                {
                    if (pair is not IReadOnlyList<object?> { Count: 2 } item) throw Wrong(name, arguments);
                    dictionary.Set(item[0], item[1]);
                }

                return dictionary;
            case (PickleCallable.ParameterDict, []):
                return new TorchDictionary(name.FullName);
            case (PickleCallable.RebuildTensor, [TorchStorage storage, long offset, object?[] shape, object?[] strides, ..]):
                var type = storage.Type;
                if (arguments.Length > 6 && arguments[6] is TorchName dataType)
                    type = dataType.Type ?? throw new InvalidDataException($"tensors of type {dataType} cannot be read");
                return TorchTensor.Create(
                    path, storage, type ?? throw Wrong(name, arguments), offset, shape, strides, arguments.Length > 4 && arguments[4] is true);
            case (PickleCallable.RebuildParameter, [TorchTensor tensor, bool requiresGrad, ..]):
                return tensor.WithRequiresGrad(requiresGrad);
            case (PickleCallable.Size, [object?[] sizes]):
                return sizes;
            case (PickleCallable.Device, [string device]):
                return device;
            case (PickleCallable.Device, [string device, long index]):
                return $"{device}:{index}";
            case (PickleCallable.Set, []):
                return new List<object?>();
            case (PickleCallable.Set, [List<object?> items]):
                return items;
            default:
                throw Wrong(name, arguments);
        }
    }

    static InvalidDataException Wrong(TorchName name, object?[] arguments) => new(
        $"it calls {name} in a way that PyTorch does not ({arguments.Length} arguments: {string.Join(", ", arguments.Take(8).Select(a => a?.GetType().Name ?? "None"))})");
}
